"""Writes a UVH5 file like HERA's with pyuvdata: its site and dishes, a hexagon of antennas numbered with gaps, drifting
(unprojected) phases, four polarisations, ascending channels, pairs of integers or floats, compressed.

usage: hera_uvh5.py OUTPUT
"""
import sys
import warnings

import numpy as np
from astropy.coordinates import EarthLocation
from astropy.utils import iers

iers.conf.auto_download = False
iers.conf.auto_max_age = None
from pyuvdata import Telescope, UVData, utils  # noqa: E402

warnings.simplefilter("ignore")
LIGHT = 299792458.0
SPACING = 14.6


def hexagon(rings):
    places = []
    for row in range(-rings, rings + 1):
        length = 2 * rings + 1 - abs(row)
        for column in range(length):
            places.append([(column - (length - 1) / 2) * SPACING, row * SPACING * np.sqrt(0.75), 0.0])
    return np.array(places)


def main(output):
    random = np.random.default_rng(7)
    place = EarthLocation.from_geodetic(lat=-30.721526, lon=21.428303, height=1073.0)
    enu = hexagon(2) + random.normal(size=(19, 3)) * [0.05, 0.05, 0.2]
    numbers = np.array([0, 1, 2, 11, 12, 13, 14, 23, 24, 25, 26, 27, 36, 37, 38, 39, 50, 51, 120])
    itrs = utils.ECEF_from_ENU(enu, center_loc=place) - np.array([place.x.value, place.y.value, place.z.value])
    telescope = Telescope.new(
        name="HERA", location=place, antenna_positions=itrs, antenna_numbers=numbers,
        antenna_names=[f"HH{number}" for number in numbers], antenna_diameters=np.full(19, 14.0), instrument="HERA",
        feeds=["x", "y"], x_orientation="north", mount_type="fixed")
    times = 2459122.25 + np.arange(6) * 10.7 / 86400
    frequencies = 120e6 + np.arange(96) * 122070.3125
    first, second = np.triu_indices(19)
    data = UVData.new(
        freq_array=frequencies, polarization_array=[-5, -6, -7, -8], times=times, telescope=telescope,
        antpairs=np.column_stack([numbers[first], numbers[second]]), do_blt_outer=True, integration_time=10.7,
        channel_width=122070.3125, empty=True, time_axis_faster_than_bls=False,
        phase_center_catalog={0: {"cat_name": "zenith", "cat_type": "unprojected"}})
    # Sources that drift through the zenith, and noise; one polarisation has half of it.
    delay = data.uvw_array @ (random.normal(size=(3, 30)) * [[0.1], [0.1], [0.0]])
    sky = np.exp(2j * np.pi * delay[:, None] * frequencies[None, :, None] / LIGHT).sum(axis=2)
    noise = random.normal(size=(*data.data_array.shape, 2)) @ [1, 1j]
    data.data_array = (sky[..., None] * [1.0, 0.5, 0.02, 0.02] * 40 + 5 * noise).astype(np.complex64)
    data.flag_array = random.random(data.data_array.shape) < 0.03
    data.flag_array[:, 60:64] = True
    data.nsample_array = np.round(random.random(data.data_array.shape) * 4).astype(np.float32)
    data.data_array = np.round(data.data_array).astype(np.complex64)
    data.write_uvh5(
        output, clobber=True, run_check=False, data_compression="lzf", flags_compression="lzf",
        nsample_compression="lzf", chunks=True, data_write_dtype=np.dtype([("r", "<i4"), ("i", "<i4")]))


main(sys.argv[1])
