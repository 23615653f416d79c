"""Converts UVH5 files as pyuvdata does and compares a Measurement Set with the result, as JSON on stdout.

usage: convert_vs_pyuvdata.py MEASUREMENT_SET SCRATCH_DIRECTORY UVH5_FILE...

The files are phased by pyuvdata to the set's own phase centre (its FIELD table) and written with write_ms, a file at
a time; rows are matched by spectral window, time and antenna names.
"""
import json
import sys
import warnings

import numpy as np
from astropy.utils import iers

iers.conf.auto_download = False
iers.conf.auto_max_age = None
from casacore import tables  # noqa: E402
from pyuvdata import UVData, utils  # noqa: E402

warnings.simplefilter("ignore")


def subtable(path, name, columns):
    with tables.table(f"{path}::{name}", ack=False) as table:
        return {column: table.getcol(column) for column in columns}


def phase_to_meridian(data):
    """The telescope's files say "drift" and hold phases that refer to hour angle 0 at phase_center_dec."""
    declination = data.extra_keywords["phase_center_dec"]
    data._set_app_coords_helper()
    data.phase_center_app_ra = data.lst_array.copy()
    data.phase_center_app_dec = np.full(data.Nblts, declination)
    data.phase_center_frame_pa = np.zeros(data.Nblts)
    data.uvw_array = utils.phasing.calc_uvw(
        app_ra=data.phase_center_app_ra, app_dec=data.phase_center_app_dec, frame_pa=data.phase_center_frame_pa,
        lst_array=data.lst_array, use_ant_pos=True, antenna_positions=data.telescope.antenna_positions,
        antenna_numbers=data.telescope.antenna_numbers, ant_1_array=data.ant_1_array, ant_2_array=data.ant_2_array,
        telescope_lat=data.telescope.location_lat_lon_alt[0], telescope_lon=data.telescope.location_lat_lon_alt[1],
    )
    # Any type but unprojected makes pyuvdata take the old w off.
    latitude = data.telescope.location_lat_lon_alt[0]
    entry = data.phase_center_catalog[list(data.phase_center_catalog)[0]]
    entry.update(cat_type="driftscan", cat_frame="altaz", cat_epoch=None,
                 cat_lon=np.pi if declination < latitude else 0.0, cat_lat=np.pi / 2 - abs(latitude - declination))


def phased(path, direction):
    """A file as pyuvdata has it, phased to a direction."""
    data = UVData()
    data.read(path, file_type="uvh5", run_check=False)
    if data.lst_array is None:
        data.set_lsts_from_time_array()
    if "unprojected" in [entry["cat_type"] for entry in data.phase_center_catalog.values()]:
        if "phase_center_dec" in data.extra_keywords:
            phase_to_meridian(data)
    data.phase(lon=direction[0], lat=direction[1], cat_name="meridian", phase_frame="icrs", cat_type="sidereal")
    data.reorder_freqs(spw_order="freq", channel_order="freq", run_check=False)
    return data


def peer_set(path, out, direction):
    phased(path, direction).write_ms(out, clobber=True, run_check=False)


def rows_by_key(path, window=None):
    """Sorted rows of one window of a set, its columns as arrays; antennas by name."""
    names = np.array(subtable(path, "ANTENNA", ["NAME"])["NAME"])
    with tables.table(path, ack=False) as main:
        chosen = main if window is None else main.query(f"DATA_DESC_ID=={window}")
        columns = {
            name: chosen.getcol(name)
            for name in ["TIME", "TIME_CENTROID", "INTERVAL", "EXPOSURE", "UVW", "DATA", "FLAG", "WEIGHT_SPECTRUM",
                         "WEIGHT", "SIGMA", "ANTENNA1", "ANTENNA2", "FLAG_ROW", "FIELD_ID"]
        }
    columns["name1"] = names[columns["ANTENNA1"]]
    columns["name2"] = names[columns["ANTENNA2"]]
    order = np.lexsort((columns["name2"], columns["name1"], np.round(columns["TIME"], 3)))
    return {name: values[order] for name, values in columns.items()}


def main(path, scratch, files):
    answer = {"windows": 0, "equal_keys": True, "flags_equal": True}
    worst = {key: 0.0 for key in ["data", "uvw_m", "time_s", "interval_s", "weight_spectrum", "weight", "sigma",
                                  "frequency_hz", "width_hz", "position_m", "diameter_m"]}
    field = subtable(path, "FIELD", ["PHASE_DIR"])["PHASE_DIR"]
    spectral = subtable(path, "SPECTRAL_WINDOW", ["CHAN_FREQ", "CHAN_WIDTH"])
    antennas = subtable(path, "ANTENNA", ["NAME", "POSITION", "DISH_DIAMETER", "MOUNT"])
    answer["ascending"] = bool(np.all(np.diff(spectral["CHAN_FREQ"].ravel()) > 0))
    answer["mounts"] = sorted(set(antennas["MOUNT"]))
    for number, file in enumerate(files):
        out = f"{scratch}/peer{number}.ms"
        peer_set(file, out, field[0, 0])
        peer_spectral = subtable(out, "SPECTRAL_WINDOW", ["CHAN_FREQ", "CHAN_WIDTH"])
        window = int(np.argmin(np.abs(spectral["CHAN_FREQ"][:, 0] - peer_spectral["CHAN_FREQ"][0, 0])))
        ours, theirs = rows_by_key(path, window), rows_by_key(out)

        def note(key, value):
            worst[key] = max(worst[key], float(np.max(np.abs(value), initial=0.0)))

        same = len(ours["TIME"]) == len(theirs["TIME"]) and np.array_equal(
            ours["name1"], theirs["name1"]) and np.array_equal(ours["name2"], theirs["name2"])
        answer["equal_keys"] &= bool(same)
        if not same:
            continue
        answer["windows"] += 1
        note("frequency_hz", spectral["CHAN_FREQ"][window] - peer_spectral["CHAN_FREQ"][0])
        note("width_hz", spectral["CHAN_WIDTH"][window] - peer_spectral["CHAN_WIDTH"][0])
        for key in ["TIME", "TIME_CENTROID"]:
            note("time_s", ours[key] - theirs[key])
        for key in ["INTERVAL", "EXPOSURE"]:
            note("interval_s", ours[key] - theirs[key])
        note("uvw_m", ours["UVW"] - theirs["UVW"])
        note("weight_spectrum", ours["WEIGHT_SPECTRUM"] - theirs["WEIGHT_SPECTRUM"])
        # Not the peer's own WEIGHT: for a single window write_ms leaves its polarisations in the file's order.
        weight = np.median(theirs["WEIGHT_SPECTRUM"], axis=1)
        note("weight", ours["WEIGHT"] - weight)
        has_weight = weight > 0
        note("sigma", ours["SIGMA"][has_weight] - weight[has_weight] ** -0.5)
        finite = np.isfinite(theirs["DATA"])
        scale = np.maximum(np.abs(np.where(finite, theirs["DATA"], 0)), 1e-6 * np.max(np.abs(theirs["DATA"][finite])))
        note("data", (np.abs(ours["DATA"] - np.where(finite, theirs["DATA"], 0)) / scale)[finite])
        answer["flags_equal"] &= bool(np.array_equal(ours["FLAG"], theirs["FLAG"] | ~finite))
        peer_antennas = subtable(out, "ANTENNA", ["NAME", "POSITION", "DISH_DIAMETER"])
        index = {name: row for row, name in enumerate(peer_antennas["NAME"])}
        for row, name in enumerate(antennas["NAME"]):
            note("position_m", antennas["POSITION"][row] - peer_antennas["POSITION"][index[name]])
            note("diameter_m", antennas["DISH_DIAMETER"][row] - peer_antennas["DISH_DIAMETER"][index[name]])
    answer["worst"] = worst
    answer["autos"] = int(np.sum(rows_by_key(path, 0)["name1"] == rows_by_key(path, 0)["name2"]))
    again = UVData()
    again.read(path, file_type="ms", run_check=True)
    answer["read_back"] = {"Nspws": int(again.Nspws), "Nblts": int(again.Nblts), "telescope": again.telescope.name}
    return answer


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], sys.argv[2], sys.argv[3:])))
