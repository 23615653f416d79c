"""Conversion against pyuvdata's best path and against cp, in one run, interleaved, as ratios.

usage: convert.py ABSURD_STAGE [--runs 3] [--memory DIR] [--disk DIR] [--antennas 48]

Makes a group of 16 sub-bands of 48 channels and 24 integrations (the simulator's full size, cut to --antennas), then
runs, in turn and each in a process of its own: our stage (read, phase, write), pyuvdata (read, fast_concat, write_ms,
no phasing: its best case) and cp of the same bytes. The best of the runs; memory is a tmpfs. On a disk, our stage and cp
once more with the group dropped from the page cache; and the whole group, uncut, for its memory.
"""
import argparse
import glob
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../Tests/Peers"))
from stages import Report, Stages, measured  # noqa: E402

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


def dropped(directory):
    """Takes a directory's files out of the page cache."""
    for path in glob.glob(directory + "/*.hdf5"):
        descriptor = os.open(path, os.O_RDONLY)
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("stage")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--antennas", type=int, default=48)
    parser.add_argument("--memory", default="/dev/shm/absurd-bench")
    parser.add_argument("--disk", default=".build/bench-convert")
    options = parser.parse_args()
    for scratch in [options.memory, options.disk]:
        shutil.rmtree(scratch, ignore_errors=True)
        os.makedirs(scratch)
    stages, report = Stages(options.stage, options.memory), Report()
    full = stages.simulate("full", "--size", "full")
    whole = stages.run("convert-uvh5-to-ms", "whole", {}, {"input_path": full})[1]
    shutil.rmtree(stages.directory + "/whole")
    data = full
    if options.antennas < 96:
        data = stages.directory + "/group"
        cut(full, data, options.antennas)
        shutil.rmtree(full)
    size = sum(os.path.getsize(path) for path in glob.glob(data + "/*.hdf5"))

    def ours(data=data, where=stages):
        return where.run("convert-uvh5-to-ms", "ours", {}, {"input_path": data})[1]

    def peer():
        code, usage = measured([sys.executable, "-c", PEER, data, f"{stages.directory}/peer.ms"])
        return usage if code == 0 else sys.exit("pyuvdata failed")

    def copy(data=data, where=stages.directory):
        return measured(["cp", "-r", data, f"{where}/copy"])[1]

    runs = {"absurd": ours, "pyuvdata": peer, "cp": copy}
    used = {name: [] for name in runs}
    for _ in range(options.runs):
        for name, run in runs.items():
            used[name].append(run())
            for made in ["ours", "peer.ms", "copy"]:
                shutil.rmtree(f"{stages.directory}/{made}", ignore_errors=True)
    wall = {name: min(usage.wall for usage in usages) for name, usages in used.items()}
    cpu = {name: min(usage.cpu for usage in usages) for name, usages in used.items()}
    import pyuvdata

    on_disk = Stages(options.stage, options.disk)
    cold = shutil.copytree(data, on_disk.directory + "/group")
    cold_walls = []
    for run in [lambda: ours(cold, on_disk), lambda: copy(cold, on_disk.directory)]:
        dropped(cold)
        cold_walls.append(run().wall)
    rss = max(usage.rss_mb for usage in used["absurd"])
    version = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True).stdout.strip()
    report.say(f"conversion: a group of {size / 1e6:.0f} MB, {len(stages.cpus)} CPUs, load {os.getloadavg()[0]:.1f}; "
               f"absurd {version}, pyuvdata {pyuvdata.__version__}; the best of {options.runs}")
    for name in runs:
        report.say(f"{name}: {wall[name]:.2f} s, {cpu[name]:.2f} CPU s")
    report.promise("conversion: CPU seconds of pyuvdata over ours", cpu["pyuvdata"] / cpu["absurd"], least=12)
    report.promise("conversion: seconds of pyuvdata over ours", wall["pyuvdata"] / wall["absurd"], least=12)
    report.say(f"conversion: {wall['absurd'] / wall['cp']:.2f} x the seconds and {cpu['absurd'] / cpu['cp']:.2f} x the "
               f"CPU seconds of cp of the same bytes, all in memory; {cold_walls[0] / cold_walls[1]:.2f} x its seconds "
               "from a disk's cold cache to the disk")
    report.promise(f"conversion: resident memory in MB, a group of {size / 1e6:.0f} MB", rss, 500)
    report.promise("conversion: resident memory in MB, a whole group of 96 antennas", whole.rss_mb, 500)
    for scratch in [options.memory, options.disk]:
        shutil.rmtree(scratch)
    return 1 if report.broken else 0


if __name__ == "__main__":
    sys.exit(main())
