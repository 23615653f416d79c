"""The whole chain on one observation, stage by stage, beside the 309 s of sky that it holds.

usage: chain.py ABSURD_STAGE [--size full] [--scratch DIR] [--processors 1 2]

Each stage is a process of its own on so many processors, as a worker starts it; what one gives the next one takes.
"""
import argparse
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../Tests/Peers"))
from stages import Report, Stages  # noqa: E402

SKY_SECONDS = 309
STAGES = [
    ("convert-uvh5-to-ms", {}), ("calibration-solve", {}), ("calibration-apply", {}),
    ("imaging", {"backend": "native"}), ("validation", {}), ("crossmatch", {}), ("photometry", {}),
]


def chain(stages, observation, config):
    """Name and usage of each stage."""
    catalogue = os.path.join(observation, "truth", "sources.csv")
    inputs = {"input_path": observation, "catalogue_path": catalogue}
    used = {}
    for task, own in STAGES:
        own = {**own, **config.get(task, {})}
        if task == "calibration-solve":
            own = {**own, "catalogue": catalogue}
        outputs, used[task] = stages.run(task, task, own, inputs)
        inputs = {**inputs, **outputs}
    return used


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("stage")
    parser.add_argument("--size", default="full")
    parser.add_argument("--tier", default="standard")
    parser.add_argument("--processors", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--scratch", default="/dev/shm/absurd-bench-chain")
    options = parser.parse_args()
    shutil.rmtree(options.scratch, ignore_errors=True)
    os.makedirs(options.scratch)
    every, report = sorted(os.sched_getaffinity(0)), Report()
    observation = Stages(options.stage, options.scratch).simulate("observation", "--size", options.size)
    size = sum(os.path.getsize(os.path.join(observation, name)) for name in os.listdir(observation))
    report.say(f"chain: {size / 1e6:.0f} MB, {options.tier} tier, {len(every)} processors in all, load "
               f"{os.getloadavg()[0]:.1f}")
    totals = {}
    for count in options.processors:
        stages = Stages(options.stage, os.path.join(options.scratch, f"on-{count}"), every[:count])
        used = chain(stages, observation, {"imaging": {"quality_tier": options.tier}})
        for task, usage in used.items():
            report.say(f"{count} processor(s), {task:18s} {usage.wall:7.1f} s {usage.cpu:7.1f} CPU s "
                       f"{usage.rss_mb:6.0f} MB resident")
        totals[count] = (sum(usage.wall for usage in used.values()), sum(usage.cpu for usage in used.values()))
        report.say(f"{count} processor(s), the whole chain   {totals[count][0]:7.1f} s {totals[count][1]:7.1f} CPU s, of "
                   f"{SKY_SECONDS} s of sky")
        shutil.rmtree(stages.directory)
    most = max(totals)
    report.promise(f"chain: seconds with {most} processor(s) over the {SKY_SECONDS} s of sky", totals[most][0] / SKY_SECONDS, 1)
    if len(totals) > 1:
        report.say(f"chain: {totals[min(totals)][0] / totals[most][0]:.2f} x as fast with {most} processors as with "
                   f"{min(totals)}")
    shutil.rmtree(options.scratch)
    return 1 if report.broken else 0


if __name__ == "__main__":
    sys.exit(main())
