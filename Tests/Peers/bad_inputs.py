"""Each bad input that a night brings must end in a clear failure or in a partial result that says so.

    bad_inputs.py ABSURD_STAGE

Also run by verify_stages.py. Needs h5py and numpy.
"""
import glob
import os
import shutil
import sys
import tempfile

import h5py
import numpy as np

from stages import Report, Stages


class Night:
    """A tiny observation of four sub-bands, copied anew for each accident."""

    def __init__(self, stages):
        self.stages = stages
        self.good = stages.simulate("good", "--size", "tiny", "--seed", "3")

    def copy(self, name):
        path = os.path.join(self.stages.directory, name)
        shutil.copytree(self.good, path)
        return path, sorted(glob.glob(path + "/*.hdf5"))

    def convert(self, path, **config):
        return self.stages.attempt("convert-uvh5-to-ms", os.path.basename(path) + "-ms",
                                   {"expected_subbands": 4, **config}, {"input_path": path})[0]

    def solve(self, converted, name, **config):
        return self.stages.attempt("calibration-solve", name, {"flag_rfi": "off", "plots": False, **config},
                                   {"ms_path": converted["outputs"]["ms_path"]})[0]


def change(path, name, change):
    with h5py.File(path, "r+") as file:
        values = file[name][...]
        file[name][...] = change(values)


def first_half_nan(values):
    values[: len(values) // 2] = np.nan
    return values


def drop_an_antenna(path):
    """The rows of one antenna are gone, as when a station was taken out while the files were written."""
    with h5py.File(path, "r+") as file:
        first, second = file["Header/ant_1_array"][:], file["Header/ant_2_array"][:]
        kept = (first != first.max()) & (second != first.max())
        columns = []
        file.visititems(lambda name, item: columns.append(name)
                        if isinstance(item, h5py.Dataset) and item.shape and item.shape[0] == len(first) else None)
        for name in columns:
            values = file[name][:][kept]
            del file[name]
            file[name] = values
        for name, value in [("Nblts", kept.sum()), ("Nants_data", len(set(first[kept])))]:
            file[f"Header/{name}"][()] = value


def renamed(path, seconds, index=None):
    """The file's name with another second, or another sub-band."""
    head, tail = os.path.split(path)
    stamp, rest = tail.split("_sb")
    clock = stamp[11:].split(":")
    total = int(clock[0]) * 3600 + int(clock[1]) * 60 + int(clock[2]) + seconds
    return os.path.join(head, f"{stamp[:11]}{total // 3600:02}:{total // 60 % 60:02}:{total % 60:02}_sb{rest}")


def check(report, text, result, status, *words):
    """The status, and each of the words in what the stage says."""
    said = " ".join([result.get("message", ""), *map(str, result.get("errors", []))])
    report.holds(f"bad input: {text}: {status}, saying {', '.join(words)}",
                 result.get("status") == status and all(word in said for word in words))
    if result.get("status") != status or not all(word in said for word in words):
        report.say(said)


def bad_conversions(report, night):
    path, files = night.copy("absent")
    os.remove(files[1])
    check(report, "a sub-band that never came", night.convert(path), "success", "1 of 4 sub-bands missing", "sb01")
    check(report, "fewer sub-bands than must be", night.convert(path, minimum_subbands=4), "error", "3 of 4")
    path, files = night.copy("truncated")
    os.truncate(files[2], os.path.getsize(files[2]) // 2)
    check(report, "a sub-band that was cut off", night.convert(path), "success", os.path.basename(files[2]))
    path, files = night.copy("twice")
    shutil.copy(files[0], renamed(files[0], 1))
    check(report, "a sub-band that came twice", night.convert(path), "success", "holds the same frequencies")
    path, files = night.copy("late")
    os.rename(files[3], renamed(files[3], 45))
    result = night.convert(path)
    report.holds("bad input: a sub-band stamped 45 s late belongs to its group",
                 result.get("status") == "success" and len(result["outputs"]["ms_paths"]) == 1)
    os.rename(renamed(files[3], 45), renamed(files[3], 90))
    result = night.convert(path)
    report.holds("bad input: a sub-band stamped 90 s late is another group",
                 result.get("status") == "success" and len(result["outputs"]["ms_paths"]) == 2)
    path, files = night.copy("empty")
    for file in files:
        os.remove(file)
    check(report, "no file at all", night.convert(path), "error", "no .hdf5")
    path, files = night.copy("nan")
    change(files[0], "Data/visdata", first_half_nan)
    check(report, "visibilities that are NaN", night.convert(path), "success", "are no numbers")
    path, files = night.copy("flagged")
    for file in files:
        change(file, "Data/flags", np.ones_like)
    check(report, "everything flagged", night.convert(path), "error", "every visibility is flagged")
    path, files = night.copy("antennas")
    drop_an_antenna(files[1])
    check(report, "a sub-band with another number of antennas", night.convert(path), "success",
          "antennas or integrations are missing")


def bad_calibrations(report, night):
    path, files = night.copy("weightless")
    for file in files:
        change(file, "Data/nsamples", np.zeros_like)
    result = night.convert(path)
    if result.get("status") == "success":
        result = night.solve(result, "weightless-solve", calibrator="3C286")
    check(report, "weights that are all zero", result, "error", "flagged")
    converted = night.convert(night.good)
    check(report, "a calibrator outside the field", night.solve(converted, "outside", calibrator="3C48"), "error",
          "none of its 1 sources", "within the beam")
    check(report, "a calibrator that nobody knows", night.solve(converted, "unknown", calibrator="3C999"), "error", "3C999")


def main(stages, report):
    night = Night(stages)
    bad_conversions(report, night)
    bad_calibrations(report, night)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with tempfile.TemporaryDirectory(prefix="absurd-bad-") as scratch:
        outcome = Report()
        main(Stages(sys.argv[1], scratch), outcome)
    sys.exit(1 if outcome.broken else 0)
