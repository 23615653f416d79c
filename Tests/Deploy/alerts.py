"""Writes promtool's unit tests of the alerts: each fires on what it is for, and on nothing else.

usage: alerts.py RULES > TEST_FILE
Each case: what differs from a healthy system, and the alerts (with their severity) that must fire then; no other may.
"""

import json
import re
import sys

HEALTHY = [
    ('up{job="absurd",instance="n1"}', "1x60"),
    ('absurd_tasks{instance="n1",queue="q",status="pending"}', "10x60"),
    ('absurd_tasks{instance="n1",queue="q",status="claimed"}', "4x60"),
    ('absurd_oldest_pending_seconds{instance="n1",queue="q"}', "2x60"),
    ('absurd_last_completion_age_seconds{instance="n1",queue="q"}', "1x60"),
    ('absurd_queue_paused{instance="n1",queue="q"}', "0x60"),
    ('absurd_dead_letters{instance="n1",queue="q"}', "0x60"),
    ('absurd_window_success_ratio{instance="n1",window="900"}', "1x60"),
    ('absurd_window_timed_out{instance="n1",window="900"}', "0x60"),
    ('absurd_workers{instance="n1",state="busy"}', "2x60"),
    ('absurd_workers{instance="n1",state="idle"}', "2x60"),
    ('absurd_workers{instance="n1",state="down"}', "0x60"),
    ('absurd_worker_exits_total{instance="n1",reason="signal"}', "0x60"),
    ('absurd_stale_results_total{instance="n1"}', "0x60"),
    ('absurd_worker_local_page_ratio{instance="n1",worker="0"}', "0.99x60"),
    ('absurd_database_up{instance="n1"}', "1x60"),
    ('absurd_database_latency_seconds{instance="n1"}', "0.001x60"),
    ('absurd_waiting_results{instance="n1"}', "0x60"),
    ('absurd_canary_age_seconds{instance="n1"}', "30x60"),
]

# Series are named by their beginning; None: there is no such series.
CASES = [
    ({}, {}),
    # Two leaders tell of the same queue: it must not count twice.
    ({"extra": [('absurd_tasks{instance="n2",queue="q",status="pending"}', "400x60"),
                ('absurd_tasks{instance="n2",queue="q",status="claimed"}', "4x60")],
      "absurd_tasks{instance=\"n1\",queue=\"q\",status=\"pending\"}": "400x60"}, {}),
    ({"absurd_tasks{instance=\"n1\",queue=\"q\",status=\"pending\"}": "700x60"}, {"AbsurdQueueDeep": "warning"}),
    ({"absurd_tasks{instance=\"n1\",queue=\"q\",status=\"pending\"}": "1001x60"}, {"AbsurdQueueDeep": "alert"}),
    ({"absurd_oldest_pending": "700x60"}, {"AbsurdTasksWaitLong": "warning"}),
    ({"absurd_oldest_pending": "3601x60"}, {"AbsurdTasksWaitLong": "alert"}),
    ({"absurd_oldest_pending": "400x60", "absurd_last_completion": "400x60"}, {"AbsurdQueueStalled": "alert"}),
    ({"absurd_oldest_pending": "400x60", "absurd_last_completion": None}, {"AbsurdQueueStalled": "alert"}),
    ({"absurd_oldest_pending": "10x60", "absurd_last_completion": "40000x60"}, {}),
    ({"absurd_oldest_pending": "400x60", "absurd_last_completion": "400x60", "absurd_queue_paused": "1x60"},
     {"AbsurdQueuePaused": "warning"}),
    ({"absurd_dead_letters": "3x60"}, {"AbsurdDeadLetters": "warning"}),
    ({"absurd_window_success": "0.9x60"}, {"AbsurdTasksFail": "warning"}),
    ({"absurd_window_timed_out": "5x60"}, {"AbsurdTimeouts": "warning"}),
    ({"up{": "0x60"}, {"AbsurdLeaderDown": "alert"}),
    ({"absurd_workers{instance=\"n1\",state=\"busy\"}": "0x60", "absurd_workers{instance=\"n1\",state=\"idle\"}": "0x60",
      "absurd_workers{instance=\"n1\",state=\"down\"}": "4x60"},
     {"AbsurdNoWorkers": "alert", "AbsurdFewWorkers": "warning"}),
    ({"absurd_workers": None}, {"AbsurdNoWorkers": "alert"}),
    ({"absurd_workers{instance=\"n1\",state=\"down\"}": "5x60"}, {"AbsurdFewWorkers": "warning"}),
    ({"absurd_worker_exits": "0+1x60"}, {"AbsurdWorkersCrash": "warning"}),
    ({"absurd_stale_results": "0x50 4x10"}, {"AbsurdStaleResults": "warning"}),
    ({"absurd_worker_local": "0.5x60"}, {"AbsurdMemoryFar": "warning"}),
    ({"absurd_database_up": "0x60"}, {"AbsurdDatabaseAway": "alert"}),
    ({"absurd_database_latency": "0.7x60"}, {"AbsurdDatabaseSlow": "warning"}),
    ({"absurd_database_latency": "1.5x60"}, {"AbsurdDatabaseSlow": "alert"}),
    ({"absurd_waiting_results": "6000x60"}, {"AbsurdResultsWait": "alert"}),
    ({"absurd_canary_age": "200x60"}, {"AbsurdCanaryLost": "warning"}),
    ({"absurd_canary_age": "700x60"}, {"AbsurdCanaryLost": "alert"}),
]


def series(changes):
    rows = []
    for name, values in HEALTHY:
        for start, changed in changes.items():
            if start != "extra" and name.startswith(start):
                values = changed
        if values is not None:
            rows.append({"series": name, "values": values})
    return rows + [{"series": name, "values": values} for name, values in changes.get("extra", [])]


def test(changes, firing):
    """After an hour exactly these fire; ALERTS is what Prometheus itself keeps about them."""
    return {
        "interval": "1m",
        "input_series": series(changes),
        "promql_expr_test": [{
            "expr": 'group by (alertname, severity) (ALERTS{alertstate="firing"})',
            "eval_time": "60m",
            "exp_samples": [{"labels": f'{{alertname="{alert}", severity="{severity}"}}', "value": 1}
                            for alert, severity in sorted(firing.items())],
        }],
    }


def main(rules):
    with open(rules, encoding="utf-8") as text:
        named = set(re.findall(r"- alert: (\w+)", text.read()))
    untested = named - {alert for _, firing in CASES for alert in firing}
    if untested:
        sys.exit(f"alerts: no case in which {', '.join(sorted(untested))} fires")
    # JSON is YAML.
    print(json.dumps({"rule_files": [rules], "evaluation_interval": "1m", "tests": [test(*case) for case in CASES]}))


if __name__ == "__main__":
    main(sys.argv[1])
