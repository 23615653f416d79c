"""Verifies every stage against its peers and against a simulation's truth, a line for each promise.

    verify_stages.py ABSURD_STAGE CASA_PYTHON [WORK_DIRECTORY]

Run by .build/venv's Python (pyuvdata, python-casacore, astropy); CASA_PYTHON has casa_requirements.txt. `make
verify-stages` does both. Ends with 1 when a promise is broken.
"""
import csv
import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile

import numpy as np
from astropy.io import fits

import bad_inputs
import convert_vs_pyuvdata
from stages import Report, Stages

HERE = os.path.dirname(os.path.abspath(__file__))
# Visibilities near zero lose digits when they are turned in single precision, on both sides.
COLUMNS = {
    "data": ("DATA, relative", 2e-5), "uvw_m": ("UVW, metres", 1e-4), "time_s": ("TIME and TIME_CENTROID, s", 1e-4),
    "interval_s": ("INTERVAL and EXPOSURE, s", 0), "weight_spectrum": ("WEIGHT_SPECTRUM", 0), "weight": ("WEIGHT", 0),
    "sigma": ("SIGMA", 1e-7), "frequency_hz": ("CHAN_FREQ, Hz", 1e-3), "width_hz": ("CHAN_WIDTH, Hz", 1e-6),
    "position_m": ("ANTENNA.POSITION, metres", 1e-6), "diameter_m": ("ANTENNA.DISH_DIAMETER, metres", 0),
}


def columns(report, stages, name, ms, files):
    """The set against pyuvdata's of the same files."""
    scratch = os.path.join(stages.directory, f"peer-{len(files)}")
    os.makedirs(scratch)
    answer = convert_vs_pyuvdata.main(ms, scratch, files)
    report.holds(f"{name}: rows have the same spectral window, time and antennas ({answer['windows']} windows)",
                 answer["equal_keys"] and answer["windows"] == len(files))
    report.holds(f"{name}: FLAG is equal, bit for bit", answer["flags_equal"])
    report.holds(f"{name}: frequencies ascend", answer["ascending"])
    for key, (text, most) in COLUMNS.items():
        report.promise(f"{name}: {text}, largest difference from pyuvdata's", answer["worst"][key], most)
    shutil.rmtree(scratch)


def hera(report, stages):
    path = os.path.join(stages.directory, "zen.2459122.25.hera.uvh5")
    subprocess.run([sys.executable, os.path.join(HERE, "hera_uvh5.py"), path], check=True)
    ms = stages.run("convert-uvh5-to-ms", "hera", {}, {"input_path": path})[0]["ms_path"]
    columns(report, stages, "HERA-like UVH5", ms, [path])


def peers_set(ms, files, out):
    """pyuvdata's Measurement Set of the whole observation, phased where ours is."""
    field = convert_vs_pyuvdata.subtable(ms, "FIELD", ["PHASE_DIR"])["PHASE_DIR"]
    parts = [convert_vs_pyuvdata.phased(path, field[0, 0]) for path in files]
    whole = parts[0].fast_concat(parts[1:], axis="freq", run_check=False, inplace=False)
    whole.reorder_freqs(spw_order="freq", channel_order="freq", run_check=False)
    whole.write_ms(out, run_check=False, clobber=True)


def wsclean(ms, out):
    subprocess.run(
        ["wsclean", "-reorder", "-field", "all", "-no-update-model-required", "-j", "1", "-name", out, "-size", "1024",
         "1024", "-scale", "12asec", "-pol", "I", "-weight", "briggs", "0", "-use-wgridder", "-data-column", "DATA",
         "-niter", "300", "-mgain", "0.8", "-auto-mask", "3", "-auto-threshold", "0.5", ms],
        check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"})
    return {kind: fits.getdata(f"{out}-{kind}.fits")[0, 0].astype(float) for kind in ["dirty", "image"]}


def images(report, stages):
    """The same command on our set and on pyuvdata's. Without gain errors, so that there is an image to clean."""
    observation = stages.simulate("sky", "--size", "small", "--seed", "5", "--no-gains")
    files = sorted(glob.glob(observation + "/*.hdf5"))
    ms = stages.run("convert-uvh5-to-ms", "sky-converted", {}, {"input_path": observation})[0]["ms_path"]
    peer = os.path.join(stages.directory, "sky-peer.ms")
    peers_set(ms, files, peer)
    ours, theirs = (wsclean(path, os.path.join(stages.directory, name))
                    for path, name in [(ms, "image-ours"), (peer, "image-peer")])
    for kind in ["dirty", "image"]:
        peak = np.abs(theirs[kind]).max()
        report.promise(f"WSClean's {kind} of our set against that of pyuvdata's, largest difference over the peak",
                       np.abs(ours[kind] - theirs[kind]).max() / peak, 1e-4)


def near(one, others, reach):
    return min((o for o in others if np.hypot(o["x"] - one["x"], o["y"] - one["y"]) < reach),
               key=lambda o: np.hypot(o["x"] - one["x"], o["y"] - one["y"]), default=None)


def detected(stages, name, ms, catalogue):
    """An image of a set, our detections in it and the validation's results."""
    # The standard tier's depth on fewer pixels: an image that is not cleaned to its noise is full of side lobes.
    made = stages.run("imaging", name + "-imaging", {
        "backend": "native", "primary_beam_correction": False, "cell": 9, "imsize": 1400, "channels_out": 1,
    }, {"ms_path": ms})[0]
    path = made["image_path"]
    found = stages.run("validation", name + "-validation", {}, {"image_path": path, "catalogue_path": catalogue})[0]
    with open(found["detected_sources"]) as file:
        ours = [
            {"x": float(r["x_pixel"]), "y": float(r["y_pixel"]), "flux": float(r["apparent_flux_jy"]),
             "peak": float(r["peak_jy_per_beam"]), "rms": float(r["rms_jy_per_beam"])}
            for r in csv.DictReader(file)
        ]
    return path, ours, found["validation_results"]


def against_bdsf(report, stages, casa_python):
    """Our detections and PyBDSF's of one image, of a sky that does not drift through a beam. Below a 500th of the peak
    stand side lobes that CLEAN leaves around it, whose islands the two divide in their own ways: counted, not compared."""
    observation = stages.simulate("steady", "--size", "small", "--seed", "6", "--no-gains", "--no-beam")
    ms = stages.run("convert-uvh5-to-ms", "steady-converted", {}, {"input_path": observation})[0]["ms_path"]
    path, ours, _ = detected(stages, "steady", ms, os.path.join(observation, "truth", "sources.csv"))
    peer = json.loads(subprocess.run(
        [casa_python, os.path.join(HERE, "bdsf_peer.py"), path, stages.directory], check=True, capture_output=True,
        text=True).stdout)
    theirs = peer["sources"]
    header = fits.getheader(path)
    reach = header["BMAJ"] / abs(header["CDELT1"])
    floor = max(s["peak"] for s in theirs) / 500
    bright = [[s for s in side if s["peak"] >= 7 * s["rms"] and s["peak"] >= floor] for side in (ours, theirs)]
    report.say(f"sources: {len(ours)} of ours, {len(theirs)} of PyBDSF {peer['version']}; "
               f"above 7 sigma and {1e3 * floor:.0f} mJy {len(bright[0])} and {len(bright[1])}")
    report.promise("our sources above 7 sigma that PyBDSF lacks", sum(near(s, theirs, reach) is None for s in bright[0]), 0)
    report.promise("PyBDSF's sources above 7 sigma that we lack", sum(near(s, ours, reach) is None for s in bright[1]), 0)
    pairs = [(s, near(s, theirs, reach)) for s in bright[0]]
    ratios = np.array([a["flux"] / b["flux"] for a, b in pairs if b])
    report.promise("fluxes against PyBDSF's, largest distance of a ratio from 1", np.abs(ratios - 1).max(), 0.03)
    shifts = [np.hypot(a["x"] - b["x"], a["y"] - b["y"]) / reach for a, b in pairs if b]
    report.promise("positions against PyBDSF's, largest distance in beams", max(shifts), 0.1)


def against_truth(report, stages):
    """Of a sky that drifts through the beam, calibrated: side lobes that CLEAN must leave stand around a bright source."""
    observation = stages.simulate("drifting", "--size", "small", "--seed", "5")
    catalogue = os.path.join(observation, "truth", "sources.csv")
    ms = stages.run("convert-uvh5-to-ms", "drifting-converted", {}, {"input_path": observation})[0]["ms_path"]
    solved = stages.run("calibration-solve", "solve", {"flag_rfi": "off", "catalogue": catalogue}, {"ms_path": ms})[0]
    stages.run("calibration-apply", "apply", {}, {"ms_path": ms, "caltables": solved["caltables"]})
    _, ours, results = detected(stages, "drifting", ms, catalogue)
    # Half of the faintest are side lobes of the brightest source still.
    report.say(f"sources: {len(ours)} of ours above 5 sigma, {results['matched']} of them in the truth")
    report.promise("detections above 10 sigma that the truth has, as a part", results["reliability"], least=0.95)
    report.promise("sources of the truth above 10 sigma that are found, as a part", results["completeness"], least=0.95)


def verify(program, casa_python, directory):
    stages, report = Stages(program, directory), Report()
    bad_inputs.main(Stages(program, os.path.join(directory, "bad")), report)
    observation = stages.simulate("observation", "--size", "small", "--seed", "3")
    ms = stages.run("convert-uvh5-to-ms", "convert", {}, {"input_path": observation})[0]["ms_path"]
    columns(report, stages, "the telescope's UVH5", ms, sorted(glob.glob(observation + "/*.hdf5")))
    hera(report, stages)
    images(report, stages)
    against_bdsf(report, stages, casa_python)
    against_truth(report, stages)
    calibration = subprocess.run(
        [casa_python, os.path.join(HERE, "casa_verify.py"), program, "small", os.path.join(directory, "casa")],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    print(calibration.stdout, end="", flush=True)
    report.holds("calibration: every promise above", calibration.returncode == 0)
    print(f"{report.broken} promises broken" if report.broken else "every promise kept")
    return 1 if report.broken else 0


def main(arguments):
    if len(arguments) < 2:
        sys.exit(__doc__)
    program, casa_python = map(os.path.abspath, arguments[:2])
    if len(arguments) > 2:
        os.makedirs(arguments[2], exist_ok=True)
        return verify(program, casa_python, os.path.abspath(arguments[2]))
    with tempfile.TemporaryDirectory(prefix="absurd-verify-") as directory:
        return verify(program, casa_python, directory)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
