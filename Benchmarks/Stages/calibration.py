"""calibration-solve and calibration-apply against CASA on the same data in one run, as ratios of CPU seconds.

usage: calibration.py ABSURD_STAGE [--size full] [--subbands 2] [--scratch DIR]

Run by a Python with Tests/Peers/casa_requirements.txt, on a few of an observation's 16 sub-bands, for CASA takes minutes
for each. First the errors of the gains against the truth: with the sky as the model, with the calibrator alone, and with
the calibrator alone of a sky that holds nothing else, which is the noise's limit. Then bandpass and gains of data
divided by the sky, so that a unit source is the model of both sides. Ours counts the whole process with its start,
CASA's its tasks alone.
"""
import argparse
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../Tests/Peers"))
import casa_verify  # noqa: E402
from stages import Report, Stages  # noqa: E402

# Beside the calibrator, from 30 mJy to 1.5 Jy: what lies in this beam.
SOURCES = 80
QUIET = {"flag_rfi": "off", "plots": False}
SAME = {**QUIET, "pointing": "phase-centre", "solve_delay": False, "prebandpass_phase": False, "gain_combine": "none"}


def errors(stages, name, ms, observation, **config):
    truth = os.path.join(observation, "truth", "gains.json")
    outputs, _ = stages.run("calibration-solve", name, {**QUIET, "truth": truth, **config}, {"ms_path": ms})
    return outputs["calibration_quality"]["errors"], outputs


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("stage")
    parser.add_argument("--size", default="full")
    parser.add_argument("--subbands", type=int, default=2)
    parser.add_argument("--scratch", default="/dev/shm/absurd-bench-calibration")
    options = parser.parse_args()
    shutil.rmtree(options.scratch, ignore_errors=True)
    os.makedirs(options.scratch)
    stages, report = Stages(options.stage, options.scratch), Report()
    casa_verify.set_up_casa(stages.directory)
    os.chdir(stages.directory)
    import casa_calibration as casa
    import casatasks

    missing = ",".join(str(number) for number in range(options.subbands, 16))

    def observe(name, *more):
        more = (*more, "--missing", missing) if missing else more
        observation = stages.simulate(name, "--size", options.size, "--seed", "3", *more)
        return observation, stages.run("convert-uvh5-to-ms", name + "-ms", {}, {"input_path": observation})[0]["ms_path"]

    observation, ms = observe("observation", "--sources", str(SOURCES))
    alone = observe("alone", "--sources", "0")
    sky, only = (os.path.join(path, "truth", "sources.csv") for path in [observation, alone[0]])
    limit, _ = errors(stages, "limit", alone[1], alone[0], catalogue=only)
    calibrator, _ = errors(stages, "calibrator", ms, observation, catalogue=only)
    full, solved = errors(stages, "full-sky", ms, observation, catalogue=sky)
    report.say(f"calibration: size {options.size}, {options.subbands} sub-bands, {SOURCES} sources, casatasks "
               f"{casatasks.version_string()}, load {os.getloadavg()[0]:.1f}")
    for name, found in [("full-sky model", full), ("calibrator alone", calibrator), ("noise's limit", limit)]:
        report.say(f"gain errors, {name}: {found['amplitude_rms']:.3%}, {found['phase_rms_deg']:.3f} degrees")
    for key, text in [("amplitude_rms", "amplitude"), ("phase_rms_deg", "phase")]:
        report.promise(f"gain errors in {text}, full-sky model over the noise's limit", full[key] / limit[key], 1.3)
        report.promise(f"gain errors in {text}, calibrator alone over full-sky model", calibrator[key] / full[key], least=5)

    shutil.rmtree(observation)
    shutil.rmtree(stages.directory + "/observation-ms")
    ms, flat = alone[1], os.path.join(stages.directory, "flat.ms")
    shutil.copytree(ms, flat)
    _, usage = stages.run("calibration-apply", "apply", {}, {"ms_path": ms, "caltables": solved["caltables"]})
    applied = casa.apply(ms, os.path.dirname(solved["caltables"]["B"]))
    shutil.rmtree(ms)
    report.promise(f"apply: {applied['samples']} values against CASA's, largest relative difference",
                   applied["relative_max"], 1e-5)
    report.promise(f"apply: CPU seconds of CASA ({applied['casa_cpu_s']:.1f}) over ours ({usage.cpu:.2f})",
                   applied["casa_cpu_s"] / usage.cpu, least=10)
    report.say(f"apply: {usage.rss_mb:.0f} MB resident")

    unit = os.path.join(stages.directory, "unit.csv")
    centre = casa.flatten(flat, only)
    with open(unit, "w") as file:
        file.write("name,ra_deg,dec_deg,flux_jy,reference_frequency_hz,spectral_index\n")
        file.write(f"unit,{centre['ra_deg']!r},{centre['dec_deg']!r},1,1.4e9,0\n")
    ours, usage = stages.run("calibration-solve", "solve", {**SAME, "catalogue": unit}, {"ms_path": flat})
    theirs = casa.solve(flat, os.path.dirname(ours["caltables"]["B"]), "103")
    peer = sum(theirs["casa_cpu_s"].values())
    report.promise(f"solve B + G: CPU seconds of CASA ({peer:.1f}) over ours ({usage.cpu:.2f})", peer / usage.cpu, least=200)
    report.say(f"solve: {usage.rss_mb:.0f} MB resident")
    os.chdir("/")
    shutil.rmtree(options.scratch)
    return 1 if report.broken else 0


if __name__ == "__main__":
    sys.exit(main())
