"""Writes a UVH5 file as other telescopes have them: today's layout, phased to a place of the sky, chunked and
compressed, cross products, antennas in both orders, an antenna numbering with gaps.

usage: phased_uvh5.py SOURCE_UVH5 OUTPUT
"""
import sys
import warnings

import numpy as np
from astropy.utils import iers

iers.conf.auto_download = False
iers.conf.auto_max_age = None
from pyuvdata import UVData  # noqa: E402

warnings.simplefilter("ignore")
source, output = sys.argv[1:]
data = UVData()
data.read(source, file_type="uvh5", run_check=False)
if data.lst_array is None:
    data.set_lsts_from_time_array()
data.phase(lon=3.5, lat=0.6, cat_name="elsewhere", phase_frame="icrs", cat_type="sidereal")

# Four polarisations in AIPS order from two, with noise in the cross products.
rng = np.random.default_rng(1)
shape = data.data_array.shape[:2]
cross = (rng.normal(size=(*shape, 2)) + 1j * rng.normal(size=(*shape, 2))).astype(np.complex64)
data.data_array = np.concatenate([data.data_array, cross], axis=2)
data.flag_array = rng.random(data.data_array.shape) < 0.1
data.nsample_array = np.round(rng.random(data.data_array.shape) * 8).astype(np.float32)
data.polarization_array = np.array([-5, -6, -7, -8])
data.Npols = 4
data.telescope.feed_array = np.tile(np.array(["x", "y"]), (data.telescope.Nants, 1))
data.telescope.feed_angle = np.tile(np.array([np.pi / 2, 0.0]), (data.telescope.Nants, 1))
data.telescope.Nfeeds = 2

flipped = np.arange(data.Nblts) % 3 == 1
data.conjugate_bls(np.nonzero(flipped)[0], use_enu=False)
data.write_uvh5(output, run_check=False, data_compression="gzip", flags_compression="gzip", nsample_compression="gzip",
                chunks=True, clobber=True)
