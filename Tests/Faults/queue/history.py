"""Judges a history of the queue. Shares no code with the product: it knows what was promised, not how it is kept.

usage: history.py DIRECTORY, which holds JSON lines:
  acked.jsonl    {"task"}: spawns that the database acknowledged to a client
  events.jsonl   {"n", "xid", "place", "op", "task", "attempt", "token", "node", "outcome", "directory"}: rows entering
                 (insert) and leaving (delete) ready, waiting, running and done, in order
  runs.jsonl     {"task", "attempt"}: what the commands themselves wrote down when they ran

Promises: no acknowledged spawn is lost; a task ends exactly once; only the current attempt's result is accepted; an
attempt has one owner, and its number was never used before.
"""

import json
import os
import sys
from collections import defaultdict


def read(path):
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


def judge_task(task, events, runs):
    """The broken promises of one task, as (kind, sentence)."""
    broken = []
    places = set()
    ends = 0
    running = None  # the claim that is current: (attempt, token)
    left = None  # the claim that left `running`, and in which transaction
    claimed = set()
    for event in events:
        place, entering = event["place"], event["op"] == "insert"
        if entering:
            places.add(place)
        elif place not in places:
            broken.append(("impossible", f"{task} left {place} without being there"))
        else:
            places.discard(place)
        if place == "running" and entering:
            claim = (event["attempt"], event["token"])
            if left == (event["xid"], claim):  # the same claim in another row: it goes on
                running, left = claim, None
                continue
            if event["attempt"] in claimed:
                broken.append(("double claim", f"{task} attempt {event['attempt']} was claimed twice"))
            if ends:
                broken.append(("run after end", f"{task} was claimed after it had ended"))
            claimed.add(event["attempt"])
            running = claim
        elif place == "running":
            left = (event["xid"], running)
            running = None
        elif place == "done" and entering:
            ends += 1
            if event["outcome"] == "completed":
                broken += judge_result(task, event, left, runs)
    if ends > 1:
        broken.append(("two ends", f"{task} has {ends} terminal records"))
    if len(places) > 1:
        broken.append(("two places", f"{task} is in {', '.join(sorted(places))} at once"))
    return broken, ends, places


def judge_result(task, event, left, runs):
    """An accepted result must be that of the claim which left `running` in the same transaction, under its token."""
    if left is None or left[0] != event["xid"] or left[1] != (event["attempt"], event["token"]):
        return [("stale", f"{task} attempt {event['attempt']} was accepted, but the current claim was {left}")]
    if event.get("directory"):
        told = event["directory"].rstrip("/").split("/")[-1]
        if told != str(event["attempt"]):
            return [("stale", f"{task} attempt {event['attempt']} was given the result of attempt {told}")]
    if runs is not None and event["attempt"] not in runs.get(task, ()):
        return [("never ran", f"{task} attempt {event['attempt']} completed, but its command never ran")]
    return []


def judge(acked, events, runs):
    """All broken promises, and counts to print."""
    by_task = defaultdict(list)
    for event in sorted(events, key=lambda event: event["n"]):
        by_task[event["task"]].append(event)
    ran = None
    if runs is not None:
        ran = defaultdict(set)
        for run in runs:
            ran[run["task"]].add(run["attempt"])
    broken, ended = [], set()
    for task, history in by_task.items():
        found, ends, places = judge_task(task, history, ran)
        broken += found
        if ends and places == {"done"}:
            ended.add(task)
    for task in acked:
        if task not in by_task:
            broken.append(("lost", f"{task} was acknowledged and is nowhere"))
        elif task not in ended:
            broken.append(("lost", f"{task} was acknowledged and has not ended: {by_task[task][-1]}"))
    counts = {
        "acknowledged": len(acked),
        "ended": len(ended),
        "claims": sum(e["place"] == "running" and e["op"] == "insert" for e in events),
        "runs": len(runs or []),
    }
    return broken, counts


def main(directory):
    runs = os.path.join(directory, "runs.jsonl")
    broken, counts = judge(
        [line["task"] for line in read(os.path.join(directory, "acked.jsonl"))],
        read(os.path.join(directory, "events.jsonl")),
        read(runs) if os.path.exists(runs) else None,
    )
    kinds = defaultdict(int)
    for kind, sentence in broken:
        kinds[kind] += 1
        if kinds[kind] <= 5:
            print(f"{kind}: {sentence}")
    print(", ".join(f"{name} {count}" for name, count in counts.items()))
    print(f"acknowledged spawns lost: {kinds['lost']}")
    print(f"tasks with two terminal records: {kinds['two ends']}")
    print(f"stale results accepted: {kinds['stale']}")
    others = sum(count for kind, count in kinds.items() if kind not in ("lost", "two ends", "stale"))
    print(f"other broken promises: {others}")
    if counts["acknowledged"] == 0 or counts["claims"] == 0:
        print("nothing was tested: no task was acknowledged or claimed")
        return 1
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
