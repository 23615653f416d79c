"""Rules and dashboard against the code: every metric named exists in the catalogue, every alert has its runbook and back.

usage: observability.py   (from the repository's root); prints what is wrong, exit 1 if anything is.
"""

import glob
import json
import os
import re
import subprocess
import sys

RULES = "deploy/prometheus/absurd.rules.yml"
DASHBOARD = "deploy/grafana/absurd.json"
CATALOGUE = "Sources/AbsurdObserve/MetricCatalogue.swift"


def read(path):
    with open(path, encoding="utf-8") as text:
        return text.read()


def catalogue():
    """Names as a scrape has them, with the labels that they may carry."""
    names = {}
    for name, kind, rest in re.findall(r'Metric\(\s*"(absurd_\w+)",\s*\.(\w+)([^"]*(?:"\w+"[^"]*)*?)\s*"[^"]*"\)', read(CATALOGUE)):
        labels = re.search(r"labels: \[([^\]]*)\]", rest)
        labels = set(re.findall(r'"(\w+)"', labels.group(1))) if labels else set()
        for suffix in {"histogram": ["_bucket", "_sum", "_count"], "info": ["_info"]}.get(kind, [""]):
            names[name + suffix] = labels | ({"le"} if suffix == "_bucket" else set())
    return names


def expressions():
    for expression in re.findall(r"(?:expr: |query\": \")(.*?)(?=\n +(?:for|labels|-|\w+): |\n\n|\Z)", read(RULES), re.S):
        yield RULES, expression
    def walk(node):
        if isinstance(node, dict):
            for key, value in node.items():
                if key in ("expr", "query") and isinstance(value, str):
                    yield value
                else:
                    yield from walk(value)
        elif isinstance(node, list):
            for value in node:
                yield from walk(value)
    for expression in walk(json.loads(read(DASHBOARD))):
        yield DASHBOARD, expression


def findings():
    known = catalogue()
    if len(known) < 20:
        yield f"{CATALOGUE}: only {len(known)} metrics were understood"
    recorded = set(re.findall(r"- record: (\S+)", read(RULES)))
    used = set()
    for place, expression in expressions():
        for name, selector in re.findall(r"\b(absurd[_:]\w+)(\{[^}]*\})?", expression):
            if name in recorded:
                continue
            used.add(name)
            if name not in known:
                yield f"{place}: there is no metric {name}"
                continue
            for label in re.findall(r"(\w+)\s*(?:=~|!=|!~|=)", selector):
                if label not in known[name] | {"instance", "job"}:
                    yield f"{place}: {name} has no label {label}"
        # What is grouped by must be a label of some metric in the expression; recorded ones are grouped by queue.
        here = set().union(*(known.get(name, set()) for name in re.findall(r"\babsurd_\w+", expression)))
        for group in re.findall(r"\b(?:by|on) \(([\w, ]*)\)", expression):
            for label in filter(None, re.split(r"[ ,]+", group)):
                if label not in here | {"instance", "job", "queue"}:
                    yield f"{place}: nothing has a label {label} to group by in {expression}"
    if len(used) < 20:
        yield f"only {len(used)} metrics were found in {RULES} and {DASHBOARD}"
    alerts = set(re.findall(r"- alert: (\w+)", read(RULES)))
    runbooks = {os.path.basename(path)[:-3] for path in glob.glob("docs/runbooks/Absurd*.md")}
    for alert in sorted(alerts - runbooks):
        yield f"docs/runbooks/{alert}.md: the alert has no runbook"
    for alert in sorted(runbooks - alerts):
        yield f"docs/runbooks/{alert}.md: there is no such alert in {RULES}"
    for alert in sorted(alerts & runbooks):
        page = read(f"docs/runbooks/{alert}.md")
        if not page.startswith(f"# {alert}\n") or "\n## Do\n" not in page:
            yield f"docs/runbooks/{alert}.md: begin with the alert's name and have a section Do"
    named = set(re.findall(r"runbook: docs/runbooks/(\w+)\.md", read(RULES)))
    for alert in sorted(named ^ alerts):
        yield f"{RULES}: {alert} and its runbook annotation do not agree"


def main():
    found = list(findings())
    for sentence in found:
        print(sentence, file=sys.stderr)
    if found:
        return 1
    subprocess.run(["promtool", "check", "rules", RULES], check=True, stdout=subprocess.DEVNULL)
    tests = subprocess.run([sys.executable, "Tests/Deploy/alerts.py", os.path.abspath(RULES)], check=True, capture_output=True)
    path = os.path.abspath(".build/alerts.test.yml")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as out:
        out.write(tests.stdout)
    result = subprocess.run(["promtool", "test", "rules", path], check=False, capture_output=True, text=True)
    if result.returncode != 0:
        print(result.stdout + result.stderr, file=sys.stderr)
        return 1
    print(f"alerts: {len(set(re.findall('- alert: (.*)', read(RULES))))} fire on what they are for and on nothing else; "
          "every metric and runbook exists")
    return 0


if __name__ == "__main__":
    sys.exit(main())
