"""Verifies calibration-solve and calibration-apply against CASA and against a simulation's truth.

    casa_verify.py ABSURD_STAGE [tiny|small] [WORK_DIRECTORY]

ABSURD_STAGE is the optimised program (.build/release/absurd-stage). Run by a Python that has casa_requirements.txt
(`make casa-venv`). CASA finds its measures tables in casadata. Prints a line for each promise and ends with 1 when one
is broken.
"""
import os
import shutil
import sys
import tempfile

from stages import Report, Stages


def set_up_casa(home):
    """CASA must neither look for the network nor write a log; this must happen before its first import."""
    import casadata

    data = os.path.join(os.path.dirname(casadata.__file__), "__data__")
    with open(os.path.join(home, "config.py"), "w") as file:
        file.write(
            f"measurespath={data!r}\nmeasures_auto_update=data_auto_update=False\n"
            "nologfile=True\nnogui=agg=True\n"
        )
    os.environ["CASASITECONFIG"] = os.path.join(home, "config.py")


def main(arguments):
    if not arguments:
        sys.exit(__doc__)
    program = os.path.abspath(arguments[0])
    size = arguments[1] if len(arguments) > 1 else "tiny"
    directory = os.path.abspath(arguments[2]) if len(arguments) > 2 else tempfile.mkdtemp(prefix="absurd-casa-")
    os.makedirs(directory, exist_ok=True)
    set_up_casa(directory)
    # Whatever CASA drops, its log above all, falls where the other files are.
    os.chdir(directory)
    import casa_calibration as casa

    stages, report = Stages(program, directory), Report()
    observation = stages.simulate("observation", "--size", size, "--seed", "3")
    ms = stages.run("convert-uvh5-to-ms", "convert", {}, {"input_path": observation})[0]["ms_path"]
    sky = os.path.join(observation, "truth", "sources.csv")
    truth = os.path.join(observation, "truth", "gains.json")

    flat = os.path.join(directory, "flat.ms")
    shutil.rmtree(flat, ignore_errors=True)
    shutil.copytree(ms, flat)

    solved, solve_usage = stages.run(
        "calibration-solve", "solve", {"flag_rfi": "off", "catalogue": sky, "truth": truth}, {"ms_path": ms})
    errors = solved["calibration_quality"]["errors"]
    report.promise("phase error against the truth, rms degrees", errors["phase_rms_deg"], 0.5)
    report.promise("amplitude error against the truth, rms", errors["amplitude_rms"], 0.006)

    _, apply_usage = stages.run(
        "calibration-apply", "apply", {}, {"ms_path": ms, "caltables": solved["caltables"]})
    applied = casa.apply(ms, os.path.dirname(solved["caltables"]["B"]))
    report.promise("applycal with our tables against calibration-apply, largest relative difference",
                   applied["relative_max"], 1e-5)
    report.promise("flags that differ", applied["flags_differ"], 0)
    report.say(f"apply: {apply_usage.cpu:.2f} CPU s, CASA {applied['casa_cpu_s']:.2f} CPU s")

    unit = os.path.join(directory, "unit.csv")
    centre = casa.flatten(flat, sky)
    with open(unit, "w") as file:
        file.write("name,ra_deg,dec_deg,flux_jy,reference_frequency_hz,spectral_index\n")
        file.write(f"unit,{centre['ra_deg']!r},{centre['dec_deg']!r},1,1.4e9,0\n")
    same = {
        "flag_rfi": "off", "catalogue": unit, "pointing": "phase-centre", "solve_delay": False,
        "prebandpass_phase": False, "gain_combine": "none", "plots": False,
    }
    ours, usage = stages.run("calibration-solve", "solve-flat", same, {"ms_path": flat})
    theirs = casa.solve(flat, os.path.dirname(ours["caltables"]["B"]), "103")
    report.promise("bandpass against CASA's, amplitude rms", theirs["bandpass"]["amplitude_rms"], 1e-3)
    report.promise("bandpass against CASA's, phase rms degrees", theirs["bandpass"]["phase_rms_deg"], 0.15)
    # CASA divides the data by the bandpass and leaves the weights: another weighting of the same channels.
    report.promise("gain against CASA's, amplitude rms", theirs["gain"]["amplitude_rms"], 1e-3)
    report.promise("gain against CASA's, phase rms degrees", theirs["gain"]["phase_rms_deg"], 0.15)
    tables = casa.tables_by_casa(flat, directory, "103")
    stages.run("calibration-apply", "apply-flat", {}, {"ms_path": flat, "caltables": tables})
    applied = casa.apply(flat, directory)
    report.promise("calibration-apply with CASA's tables against applycal, largest relative difference",
                   applied["relative_max"], 1e-5)
    peer = theirs["casa_cpu_s"]["bandpass"] + theirs["casa_cpu_s"]["gain"]
    report.say(f"solve B + G: {usage.cpu:.2f} CPU s with reading and writing, CASA {peer:.2f} CPU s: {peer / usage.cpu:.0f}x")
    report.say(f"solve K + B + G against the full sky: {solve_usage.cpu:.2f} CPU s")
    return 1 if report.broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
