"""Forced photometry of 1000 places in one batch, beside the 38 ms a source of the system before.

usage: photometry.py ABSURD_STAGE [--scratch DIR]

The 38 ms were measured of that system's own function on an image of 2048 pixels a side, alone or in a batch. Ours is the
whole task: a process, the image read, a table written.
"""
import argparse
import os
import shutil
import sys

import numpy as np
from astropy.io import fits

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../Tests/Peers"))
from stages import Report, Stages  # noqa: E402

PEER_MS = 38
SIDE = 2048
PLACES = 1000


def image(path):
    random = np.random.default_rng(5)
    header = fits.Header()
    for key, value in {
        "CTYPE1": "RA---SIN", "CRVAL1": 202.78, "CDELT1": -6 / 3600, "CRPIX1": SIDE / 2 + 1, "CUNIT1": "deg",
        "CTYPE2": "DEC--SIN", "CRVAL2": 30.51, "CDELT2": 6 / 3600, "CRPIX2": SIDE / 2 + 1, "CUNIT2": "deg",
        "CTYPE3": "FREQ", "CRVAL3": 1.4e9, "CDELT3": 1.875e8, "CRPIX3": 1.0, "CUNIT3": "Hz",
        "CTYPE4": "STOKES", "CRVAL4": 1.0, "CDELT4": 1.0, "CRPIX4": 1.0,
        "BMAJ": 42 / 3600, "BMIN": 36 / 3600, "BPA": 20.0, "BUNIT": "JY/BEAM",
    }.items():
        header[key] = value
    pixels = random.normal(scale=1e-3, size=(1, 1, SIDE, SIDE)).astype(np.float32)
    fits.PrimaryHDU(pixels, header).writeto(path)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("stage")
    parser.add_argument("--scratch", default="/dev/shm/absurd-bench-photometry")
    options = parser.parse_args()
    shutil.rmtree(options.scratch, ignore_errors=True)
    os.makedirs(options.scratch)
    stages, report = Stages(options.stage, options.scratch), Report()
    path = os.path.join(stages.directory, "image.fits")
    image(path)
    random = np.random.default_rng(6)
    places = [{"ra_deg": 202.78 + x / np.cos(np.radians(30.51)), "dec_deg": 30.51 + y}
              for x, y in random.uniform(-1.2, 1.2, size=(PLACES, 2))]
    runs = [stages.run("photometry-batch", "photometry", {}, {"image_path": path, "sources": places}) for _ in range(3)]
    measured = runs[0][0]["photometry_results"]["measured"]
    cpu = min(usage.cpu for _, usage in runs)
    report.holds(f"photometry: {measured} of {PLACES} places are measured", measured == PLACES)
    report.say(f"photometry: {min(usage.wall for _, usage in runs):.2f} s, {runs[0][1].rss_mb:.0f} MB resident")
    report.promise(f"photometry: {PEER_MS} ms a source over our CPU ms a source ({1e3 * cpu / PLACES:.3f})",
                   PEER_MS / (1e3 * cpu / PLACES), least=100)
    shutil.rmtree(options.scratch)
    return 1 if report.broken else 0


if __name__ == "__main__":
    sys.exit(main())
