"""pyuvdata's sidereal times, apparent places, frame angles and uvw, as JSON on stdout, for a JSON request on stdin."""
import json
import sys

import numpy as np
from astropy.utils import iers

iers.conf.auto_download = False
iers.conf.auto_max_age = None
from pyuvdata import utils  # noqa: E402

request = json.load(sys.stdin)
location = tuple(request["site"])  # latitude, longitude (radians), metres
positions = np.array(request["positions"])
answers = []
for case in request["cases"]:
    times = np.array([case["jd"]])
    lst = utils.get_lst_for_time(
        times, latitude=np.degrees(location[0]), longitude=np.degrees(location[1]), altitude=location[2]
    )
    ra, dec = utils.phasing.calc_app_coords(
        lon_coord=case["ra"], lat_coord=case["dec"], coord_frame="icrs", coord_type="sidereal",
        time_array=times, lst_array=lst, telescope_loc=location,
    )
    angle = utils.phasing.calc_frame_pos_angle(
        time_array=times, app_ra=ra, app_dec=dec, telescope_loc=location, ref_frame="icrs"
    )
    count = len(positions)
    uvw = utils.phasing.calc_uvw(
        app_ra=np.repeat(ra, count - 1), app_dec=np.repeat(dec, count - 1), frame_pa=np.repeat(angle, count - 1),
        lst_array=np.repeat(lst, count - 1), use_ant_pos=True, antenna_positions=positions,
        antenna_numbers=np.arange(count), ant_1_array=np.zeros(count - 1, int), ant_2_array=np.arange(1, count),
        telescope_lat=location[0], telescope_lon=location[1],
    )
    back = utils.phasing.calc_sidereal_coords(
        time_array=times, app_ra=ra, app_dec=dec, telescope_loc=location, coord_frame="icrs"
    )
    answers.append({
        "lst": lst[0], "ra": ra[0], "dec": dec[0], "angle": angle[0], "uvw": uvw.tolist(),
        "back": [back[0][0], back[1][0]],
    })
json.dump(answers, sys.stdout)
