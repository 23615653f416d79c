"""Runs the stages as a worker does, and reports promises. Imported by the verifications and benchmarks."""
import collections
import json
import os
import shutil
import subprocess
import sys
import tempfile

# Seconds on the clock, seconds of the processors, most memory resident at once.
Usage = collections.namedtuple("Usage", "wall cpu rss_mb")


# A process counts as its own the memory of the one that it was forked from, and this one's may be large: the program is
# started, and waited for, by a small one.
LAUNCHER = """
import os, sys, time
started = time.monotonic()
child = os.fork()
if child == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
_, status, used = os.wait4(child, 0)
with open(sys.argv[1], "w") as file:
    print(time.monotonic() - started, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, file=file)
sys.exit(os.waitstatus_to_exitcode(status) & 255)
"""


def measured(command, input="", **options):
    """Runs a program to its end. Gives its exit code and what it used."""
    options = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, **options}
    with tempfile.NamedTemporaryFile("r") as usage:
        done = subprocess.run([sys.executable, "-IS", "-c", LAUNCHER, usage.name, *command], input=input.encode(), **options)
        return done.returncode, Usage(*map(float, usage.read().split()))


class Stages:
    def __init__(self, program, directory, cpus=None):
        self.program, self.directory = os.path.abspath(program), os.path.abspath(directory)
        self.cpus = cpus or sorted(os.sched_getaffinity(0))

    def attempt(self, task, name, config, inputs):
        """One stage: the request on standard input, the result on descriptor 3. Gives the result and the usage."""
        work = os.path.join(self.directory, name)
        shutil.rmtree(work, ignore_errors=True)
        os.makedirs(work)
        request = {
            "task_id": "00000000-0000-4000-8000-000000000000", "attempt": 1, "task_name": task,
            "params": {"config": config, "inputs": inputs}, "work_dir": work, "final_dir": work,
            "cpus": self.cpus, "memory_bytes": 8 << 30, "scratch_dir": None,
        }
        command = ["taskset", "-c", ",".join(map(str, self.cpus)), "bash", "-c", 'exec "$0" run 3>"$1"', self.program,
                   work + ".report"]
        _, usage = measured(command, json.dumps(request))
        with open(work + ".report") as file:
            lines = file.read().splitlines()
        return json.loads(lines[-1]).get("result", {}) if lines else {}, usage

    def run(self, task, name, config, inputs):
        """As attempt, for a stage that must succeed: its outputs and its usage."""
        result, usage = self.attempt(task, name, config, inputs)
        if result.get("status") != "success":
            sys.exit(f"{task}: {result.get('message', 'it ended without a result')}")
        return result["outputs"], usage

    def simulate(self, name, *options):
        path = os.path.join(self.directory, name)
        shutil.rmtree(path, ignore_errors=True)
        subprocess.run([self.program, "simulate", "--output", path, *options], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        return path


class Report:
    def __init__(self):
        self.broken = 0

    def promise(self, text, value, most=None, least=None):
        """A line for a number and its limit."""
        kept = value <= most if least is None else value >= least
        limit = f"at most {most:g}" if least is None else f"at least {least:g}"
        self.broken += not kept
        print(f"{'kept  ' if kept else 'BROKEN'} {text}: {value:.3g} ({limit})", flush=True)

    def holds(self, text, fact):
        self.broken += not fact
        print(f"{'kept  ' if fact else 'BROKEN'} {text}", flush=True)

    def say(self, text):
        print(f"       {text}", flush=True)
