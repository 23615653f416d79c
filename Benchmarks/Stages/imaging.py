"""The native imaging backend against WSClean, in one run, interleaved, as ratios.

usage: imaging.py ABSURD_STAGE [--runs 3] [--size small] [--scratch DIR] [--tier development] [--ms PATH]

Simulates an observation without gain errors, converts it, and images it in turn with the whole task on our backend
and with the bare command of WSClean on its w-gridder and on its w-stacking, with the same pixels, weights and CLEAN
settings; and the task on WSClean's w-gridder with the very words of the bare command. Then compares what they made: the dirty image (natural weights, without shortcuts, WSClean's w-gridder at
1e-6), the fluxes of the sources above 20 sigma and the residual's noise. Wall and CPU seconds of the children, the
best of the runs.
"""
import argparse
import os
import shutil
import subprocess
import sys

from astropy.io import fits
import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../Tests/Peers"))
from stages import Report, Stages, measured  # noqa: E402

CLEAN = ["-gain", "0.1", "-mgain", "0.8", "-auto-mask", "3", "-auto-threshold", "0.5"]


def wsclean(ms, out, side, cell, words):
    os.makedirs(out)
    command = ["wsclean", "-reorder", "-field", "all", "-no-update-model-required", "-j",
               str(len(os.sched_getaffinity(0))), "-abs-mem", "8", "-temp-dir", out, "-name", f"{out}/absurd",
               "-size", str(side), str(side), "-scale", f"{cell}asec", "-pol", "I"] + words + [ms]
    code, usage = measured(command, env={**os.environ, "OPENBLAS_NUM_THREADS": "1"})
    return usage if code == 0 else sys.exit(f"wsclean ended with {code}")


def pixels(path):
    return fits.getdata(path)[0, 0].astype(float)


def noise(image):
    return 1.4826 * np.median(np.abs(image - np.median(image)))


def fluxes(ours, theirs):
    """Ratios at WSClean's local maxima above 20 sigma, and the largest shift of a maximum in pixels."""
    level, ratios, shift = 20 * noise(theirs), [], 0
    for y, x in np.argwhere(theirs > level):
        if min(x, y) < 3 or max(x, y) >= theirs.shape[0] - 3:
            continue
        box = theirs[y - 2:y + 3, x - 2:x + 3]
        if theirs[y, x] == box.max():
            here = ours[y - 1:y + 2, x - 1:x + 2]
            dy, dx = np.unravel_index(here.argmax(), here.shape)
            shift = max(shift, abs(dy - 1), abs(dx - 1))
            ratios.append(ours[y, x] / theirs[y, x])
    return ratios, int(shift)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("stage")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--size", default="small")
    parser.add_argument("--tier", default="development")
    parser.add_argument("--scratch", default="/dev/shm/absurd-bench-imaging")
    parser.add_argument("--ms", help="a calibrated Measurement Set instead of a simulation")
    options = parser.parse_args()
    scratch = options.scratch
    shutil.rmtree(scratch, ignore_errors=True)
    os.makedirs(scratch)
    stages, report = Stages(options.stage, scratch), Report()
    ms = options.ms
    if not ms:
        observation = stages.simulate("obs", "--size", options.size, "--no-gains")
        ms = stages.run("convert-uvh5-to-ms", "converted", {}, {"input_path": observation})[0]["ms_path"]
        shutil.rmtree(observation)

    def ours(out, **config):
        return stages.run("imaging", out, {
            "quality_tier": options.tier, "primary_beam_correction": False, **config}, {"ms_path": ms})

    first = ours("first", backend="native", niter=0)[0]
    side, cell = (first["imaging_summary"][key] for key in ("imsize", "cell_arcsec"))
    iterations = {"development": 300, "standard": 20_000, "high_precision": 200_000}[options.tier]
    briggs = ["-weight", "briggs", "0", "-niter", str(iterations), "-no-dirty"] + CLEAN
    runs = {
        "native": lambda: ours("native", backend="native", channels_out=1)[1],
        "wsclean_wgridder": lambda: wsclean(ms, f"{scratch}/wsclean_wgridder", side, cell, briggs + ["-use-wgridder"]),
        "wsclean_task": lambda: ours("wsclean_task", backend="wsclean", gridder="wgridder", channels_out=1)[1],
        "wsclean_wstacking": lambda: wsclean(ms, f"{scratch}/wsclean_wstacking", side, cell, briggs),
    }
    used = {name: [] for name in runs}
    for _ in range(options.runs):
        for name, run in runs.items():
            shutil.rmtree(f"{scratch}/{name}", ignore_errors=True)
            used[name].append(run())
    ours("dirty", backend="native", niter=0, weighting="natural", channels_out=1)
    wsclean(ms, f"{scratch}/peer", side, cell, [
        "-weight", "natural", "-niter", "0", "-use-wgridder", "-wgridder-accuracy", "1e-6", "-no-small-inversion"])
    dirty, peer = pixels(f"{scratch}/dirty/image.fits"), pixels(f"{scratch}/peer/absurd-image.fits")
    peak = np.abs(peer).max()
    ratios, shift = fluxes(pixels(f"{scratch}/native/image.fits"),
                           pixels(f"{scratch}/wsclean_wgridder/absurd-image.fits"))
    residuals = [pixels(f"{scratch}/native/residual.fits").std(),
                 pixels(f"{scratch}/wsclean_wgridder/absurd-residual.fits").std()]
    wall = {name: min(usage.wall for usage in usages) for name, usages in used.items()}
    cpu = {name: min(usage.cpu for usage in usages) for name, usages in used.items()}
    version = subprocess.run(["wsclean", "-version"], capture_output=True, text=True).stdout.split("version ")[1][:5]
    report.say(f"imaging: size {options.size}, {options.tier} tier, {side} pixels a side, {len(stages.cpus)} CPUs, load "
               f"{os.getloadavg()[0]:.1f}, wsclean {version.strip()}; the best of {options.runs}")
    for name, usages in used.items():
        report.say(f"{name}: {wall[name]:.2f} s, {cpu[name]:.2f} CPU s, {usages[0].rss_mb:.0f} MB resident")
    report.promise("imaging task on WSClean: its seconds over the bare command's",
                   wall["wsclean_task"] / wall["wsclean_wgridder"], 1.05)
    report.promise("native backend: CPU seconds of WSClean's w-gridder over ours",
                   cpu["wsclean_wgridder"] / cpu["native"], least=2)
    report.promise("native backend: seconds of WSClean's w-gridder over ours",
                   wall["wsclean_wgridder"] / wall["native"], least=2)
    report.say(f"native backend: CPU seconds of WSClean's w-stacking over ours {cpu['wsclean_wstacking'] / cpu['native']:.2f}")
    report.promise("native backend: dirty image against WSClean's, rms difference over the peak",
                   (dirty - peer).std() / peak, 1e-6)
    report.promise(f"native backend: fluxes of {len(ratios)} sources above 20 sigma against WSClean's, median's distance "
                   "from 1", abs(np.median(ratios) - 1), 0.01)
    report.promise("native backend: largest shift of such a source, pixels", shift, 0)
    report.promise("native backend: residual's rms over WSClean's", residuals[0] / residuals[1], 1.02)
    shutil.rmtree(scratch)
    return 1 if report.broken else 0


if __name__ == "__main__":
    sys.exit(main())
