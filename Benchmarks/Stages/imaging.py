"""The native imaging backend against WSClean, in one run, interleaved, as ratios.

usage: imaging.py ABSURD_STAGE [--runs 3] [--size small] [--scratch DIR] [--tier development] [--ms PATH]

Simulates an observation without gain errors, converts it, and images it in turn with the whole task on our backend
and with the bare command of WSClean on its w-gridder and on its w-stacking, with the same pixels, weights and CLEAN
settings. Then compares what they made: the dirty image (natural weights, without shortcuts, WSClean's w-gridder at
1e-6), the fluxes of the sources above 20 sigma and the residual's noise. Wall and CPU seconds of the children, the
best of the runs.
"""
import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import time

from astropy.io import fits
import numpy as np

CLEAN = ["-gain", "0.1", "-mgain", "0.8", "-auto-mask", "3", "-auto-threshold", "0.5"]


def stage(program, name, inputs, config, out):
    os.makedirs(out)
    request = json.dumps({
        "task_id": "00112233-4455-4677-8899-aabbccddeeff", "attempt": 1, "task_name": name,
        "params": {"inputs": inputs, "config": config}, "work_dir": out, "final_dir": out,
        "cpus": sorted(os.sched_getaffinity(0)), "memory_bytes": 8 << 30, "scratch_dir": None,
    })
    done = subprocess.run(["bash", "-c", 'exec "$0" run 3>&1 1>/dev/null 2>/dev/null', program], input=request,
                          capture_output=True, text=True, check=True)
    result = json.loads(done.stdout.splitlines()[-1]).get("result", {})
    if result.get("status") != "success":
        sys.exit(done.stdout)
    return result["outputs"]


def wsclean(ms, out, side, cell, words):
    os.makedirs(out)
    command = ["wsclean", "-reorder", "-field", "all", "-no-update-model-required", "-j",
               str(len(os.sched_getaffinity(0))), "-abs-mem", "8", "-temp-dir", out, "-name", f"{out}/absurd",
               "-size", str(side), str(side), "-scale", f"{cell}asec", "-pol", "I"] + words + [ms]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                   env={**os.environ, "OPENBLAS_NUM_THREADS": "1"})


def timed(run):
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    run()
    wall, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def pixels(path):
    return fits.getdata(path)[0, 0].astype(float)


def noise(image):
    return 1.4826 * np.median(np.abs(image - np.median(image)))


def fluxes(ours, theirs):
    """Ratios at WSClean's local maxima above 20 sigma, and the largest shift of a maximum in pixels."""
    level, ratios, shift = 20 * noise(theirs), [], 0
    for y, x in np.argwhere(theirs > level):
        if min(x, y) < 3 or max(x, y) >= theirs.shape[0] - 3:
            continue
        box = theirs[y - 2:y + 3, x - 2:x + 3]
        if theirs[y, x] == box.max():
            here = ours[y - 1:y + 2, x - 1:x + 2]
            dy, dx = np.unravel_index(here.argmax(), here.shape)
            shift = max(shift, abs(dy - 1), abs(dx - 1))
            ratios.append(ours[y, x] / theirs[y, x])
    return ratios, int(shift)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("stage")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--size", default="small")
    parser.add_argument("--tier", default="development")
    parser.add_argument("--scratch", default="/dev/shm/absurd-bench-imaging")
    parser.add_argument("--ms", help="a calibrated Measurement Set instead of a simulation")
    options = parser.parse_args()
    scratch = options.scratch
    shutil.rmtree(scratch, ignore_errors=True)
    os.makedirs(scratch)
    ms = options.ms
    if not ms:
        subprocess.run([options.stage, "simulate", "--output", f"{scratch}/obs", "--size", options.size, "--no-gains"],
                       check=True, stdout=subprocess.DEVNULL)
        converted = stage(options.stage, "convert-uvh5-to-ms", {"input_path": f"{scratch}/obs"}, {},
                          f"{scratch}/converted")
        shutil.rmtree(f"{scratch}/obs")
        ms = converted["ms_path"]

    def ours(out, **config):
        return stage(options.stage, "imaging", {"ms_path": ms}, {
            "backend": "native", "quality_tier": options.tier, "primary_beam_correction": False, **config},
            f"{scratch}/{out}")

    first = ours("first", niter=0)
    side, cell = (first["imaging_summary"][key] for key in ("imsize", "cell_arcsec"))
    iterations = {"development": 300, "standard": 30_000, "high_precision": 200_000}[options.tier]
    briggs = ["-weight", "briggs", "0", "-niter", str(iterations), "-no-dirty"] + CLEAN
    runs = {
        "native": lambda: ours("native"),
        "wsclean_wgridder": lambda: wsclean(ms, f"{scratch}/wsclean_wgridder", side, cell, briggs + ["-use-wgridder"]),
        "wsclean_wstacking": lambda: wsclean(ms, f"{scratch}/wsclean_wstacking", side, cell, briggs),
    }
    times = {name: [] for name in runs}
    for _ in range(options.runs):
        for name, run in runs.items():
            shutil.rmtree(f"{scratch}/{name}", ignore_errors=True)
            times[name].append(timed(run))
    ours("dirty", niter=0, weighting="natural")
    wsclean(ms, f"{scratch}/peer", side, cell, [
        "-weight", "natural", "-niter", "0", "-use-wgridder", "-wgridder-accuracy", "1e-6", "-no-small-inversion"])
    dirty, peer = pixels(f"{scratch}/dirty/image.fits"), pixels(f"{scratch}/peer/absurd-image.fits")
    peak = np.abs(peer).max()
    ratios, shift = fluxes(pixels(f"{scratch}/native/image.fits"),
                           pixels(f"{scratch}/wsclean_wgridder/absurd-image.fits"))
    residuals = [pixels(f"{scratch}/native/residual.fits").std(),
                 pixels(f"{scratch}/wsclean_wgridder/absurd-residual.fits").std()]
    best = {name: [min(value[index] for value in values) for index in (0, 1)] for name, values in times.items()}
    version = subprocess.run(["wsclean", "-version"], capture_output=True, text=True).stdout.split("version ")[1][:5]
    print(json.dumps({
        "size": options.size, "tier": options.tier, "side_pixels": side, "runs": options.runs,
        "cpus": len(os.sched_getaffinity(0)), "load": os.getloadavg()[0], "wsclean": version,
        "wall_seconds": {name: round(value[0], 2) for name, value in best.items()},
        "cpu_seconds": {name: round(value[1], 2) for name, value in best.items()},
        "wall_ratio": {name: round(best[name][0] / best["native"][0], 2) for name in runs},
        "cpu_ratio": {name: round(best[name][1] / best["native"][1], 2) for name in runs},
        "dirty_rms_difference_of_peak": float(f"{(dirty - peer).std() / peak:.2g}"),
        "dirty_largest_difference_of_peak": float(f"{np.abs(dirty - peer).max() / peak:.2g}"),
        "sources_above_20_sigma": len(ratios), "flux_ratio_median": round(float(np.median(ratios)), 4),
        "flux_ratio_deviation": round(float(np.std(ratios)), 4), "largest_shift_pixels": shift,
        "residual_rms_ratio": round(residuals[0] / residuals[1], 4),
    }, indent=1))
    shutil.rmtree(scratch)


main()
