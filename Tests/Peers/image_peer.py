"""What astropy and SEP's own Python say of a FITS image. usage: image_peer.py IMAGE MESH THRESHOLD AREA_MIN < points

Input: {"points": [[x, y], ...]} in pixels from 0. Output: their sky positions, the background and its noise at the
points, the detections, and what the header says.
"""
import json
import sys

import numpy as np
import sep
from astropy.io import fits
from astropy.wcs import WCS

path, mesh, threshold, area_min = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
points = np.array(json.load(sys.stdin)["points"], float)
with fits.open(path) as files:
    header = files[0].header
    pixels = np.squeeze(files[0].data).astype(np.float32)
world = WCS(header).celestial.all_pix2world(points, 0)
background = sep.Background(pixels, bw=mesh, bh=mesh, fw=3, fh=3)
rms = background.rms()
flat = pixels - background.back()
found = sep.extract(
    flat, threshold, err=rms, minarea=area_min, filter_kernel=None, deblend_nthresh=32, deblend_cont=0.005)
columns = points.round().astype(int)
json.dump(
    {
        "world": world.tolist(),
        "background": [float(background.back()[y, x]) for x, y in columns],
        "rms": [float(rms[y, x]) for x, y in columns],
        "sources": [[int(s["xpeak"]), int(s["ypeak"]), float(s["peak"]), int(s["npix"])] for s in found],
        "beam": [header["BMAJ"], header["BMIN"], header["BPA"]],
        "history": [str(line) for line in header.get("HISTORY", [])],
        "sum": float(np.nansum(pixels.astype(np.float64))),
    },
    sys.stdout,
)
