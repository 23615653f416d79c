"""Conversion against pyuvdata's best path, in one run, interleaved, as ratios.

usage: convert.py ABSURD_STAGE [--runs 3] [--scratch DIR] [--antennas 48]

Makes a group of 16 sub-bands of 48 channels and 24 integrations (the simulator's full size, cut to --antennas), then
runs, in turn and each in a process of its own: our stage (read, phase, write), pyuvdata (read, fast_concat, write_ms,
no phasing: its best case) and cp of the same bytes. Wall and CPU seconds of the children, the best of the runs.
"""
import argparse
import glob
import json
import os
import resource
import shutil
import subprocess
import sys
import time

PEER = """
import glob, sys, warnings
warnings.simplefilter("ignore")
from pyuvdata import UVData
files = sorted(glob.glob(sys.argv[1] + "/*.hdf5"))
parts = []
for path in files:
    part = UVData()
    part.read(path, file_type="uvh5", run_check=False)
    parts.append(part)
whole = parts[0].fast_concat(parts[1:], axis="freq", run_check=False, inplace=False)
whole.reorder_freqs(spw_order="freq", channel_order="freq", run_check=False)
# write_ms refuses a drifting phase centre; only its name is changed, phasing would cost more.
for entry in whole.phase_center_catalog.values():
    entry.update(cat_type="sidereal", cat_frame="icrs", cat_epoch=2000.0)
whole.write_ms(sys.argv[2], run_check=False, clobber=True)
"""


def cut(source, target, antennas):
    """The rows of the first antennas, in the same layout."""
    import h5py
    import numpy as np

    os.makedirs(target)
    for path in sorted(glob.glob(source + "/*.hdf5")):
        with h5py.File(path) as old, h5py.File(f"{target}/{os.path.basename(path)}", "w") as new:
            first, second = old["Header/ant_1_array"][:], old["Header/ant_2_array"][:]
            kept = set(sorted(set(first) | set(second))[:antennas])
            rows = np.array([a in kept and b in kept for a, b in zip(first, second)])
            count = len(first)

            def copy(name, item):
                if isinstance(item, h5py.Group):
                    new.require_group(name)
                elif item.shape and item.shape[0] == count:
                    new.create_dataset(name, data=item[:][rows], chunks=item.chunks)
                else:
                    old.copy(item, new, name=name)

            old.visititems(copy)
            baselines = len(kept) * (len(kept) + 1) // 2
            for name, value in [("Nblts", rows.sum()), ("Nants_data", len(kept)), ("Nbls", baselines)]:
                if f"Header/{name}" in new:
                    new[f"Header/{name}"][()] = value


def timed(run):
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    run()
    wall, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("stage")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--antennas", type=int, default=48)
    parser.add_argument("--scratch", default="/dev/shm/absurd-bench")
    options = parser.parse_args()
    scratch = options.scratch
    shutil.rmtree(scratch, ignore_errors=True)
    os.makedirs(scratch)
    data = f"{scratch}/obs"
    full = f"{scratch}/full" if options.antennas < 96 else data
    subprocess.run([options.stage, "simulate", "--output", full, "--size", "full"], check=True,
                   stdout=subprocess.DEVNULL)
    if full != data:
        cut(full, data, options.antennas)
        shutil.rmtree(full)
    size = sum(os.path.getsize(path) for path in glob.glob(data + "/*.hdf5"))
    out = f"{scratch}/out"

    def ours():
        request = json.dumps({
            "task_id": "00112233-4455-4677-8899-aabbccddeeff", "attempt": 1, "task_name": "convert-uvh5-to-ms",
            "params": {"inputs": {"input_path": data}}, "work_dir": out, "final_dir": out,
            "cpus": list(os.sched_getaffinity(0)), "memory_bytes": 1 << 30, "scratch_dir": None,
        })
        done = subprocess.run(["bash", "-c", 'exec "$0" run 3>&1 2>/dev/null', options.stage], input=request,
                              capture_output=True, text=True, check=True)
        if '"status":"success"' not in done.stdout:
            sys.exit(done.stdout)

    def peer():
        subprocess.run([sys.executable, "-c", PEER, data, f"{out}/peer.ms"], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)

    def copy():
        subprocess.run(["cp", "-r", data, f"{out}/copy"], check=True)

    times = {name: [] for name in ["absurd", "pyuvdata", "cp"]}
    for _ in range(options.runs):
        for name, run in [("absurd", ours), ("pyuvdata", peer), ("cp", copy)]:
            shutil.rmtree(out, ignore_errors=True)
            os.makedirs(out)
            times[name].append(timed(run))
    import pyuvdata

    best = {name: [min(value[index] for value in values) for index in (0, 1)] for name, values in times.items()}
    print(json.dumps({
        "input_bytes": size, "runs": options.runs, "cpus": len(os.sched_getaffinity(0)), "load": os.getloadavg()[0],
        "pyuvdata": pyuvdata.__version__,
        "wall_seconds": {name: round(value[0], 2) for name, value in best.items()},
        "cpu_seconds": {name: round(value[1], 2) for name, value in best.items()},
        "wall_ratio_to_pyuvdata": round(best["pyuvdata"][0] / best["absurd"][0], 1),
        "cpu_ratio_to_pyuvdata": round(best["pyuvdata"][1] / best["absurd"][1], 1),
        "wall_ratio_to_cp": round(best["absurd"][0] / best["cp"][0], 2),
    }, indent=1))
    shutil.rmtree(scratch)


main()
