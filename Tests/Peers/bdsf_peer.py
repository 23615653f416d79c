"""PyBDSF's sources of an image, as JSON on stdout. usage: bdsf_peer.py IMAGE WORK_DIRECTORY

Positions in pixels from 0; the source list, so that Gaussians of one source are one; islands from 3 sigma, peaks from 5.
"""
import contextlib
import json
import os
import sys

image, work = os.path.abspath(sys.argv[1]), sys.argv[2]
os.chdir(work)
# It writes its log beside the image.
link = os.path.join(work, "bdsf.fits")
if os.path.lexists(link):
    os.remove(link)
os.symlink(image, link)
with contextlib.redirect_stdout(sys.stderr):
    import bdsf

    found = bdsf.process_image(link, thresh_pix=5.0, thresh_isl=3.0, quiet=True, ncores=1)
    sources = [
        {"x": float(s.gaussians[0].centre_pix[0]), "y": float(s.gaussians[0].centre_pix[1]),
         "ra": float(s.posn_sky_max[0]), "dec": float(s.posn_sky_max[1]), "flux": float(s.total_flux),
         "peak": float(s.peak_flux_max), "rms": float(s.rms_isl), "gaussians": len(s.gaussians)}
        for s in found.sources
    ]
json.dump({"version": bdsf.__version__, "sources": sources}, sys.stdout)
