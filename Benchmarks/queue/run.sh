#!/bin/bash
# The queue against its floors, interleaved in one run, as ratios. usage: run.sh [ROUNDS [TASKS]]
# Each round takes every contender in turn on one private cluster with fsync and synchronous_commit on; a ratio is the
# median of the rounds' ratios, so that a busy machine slows both sides of each.
set -euo pipefail
cd "$(dirname "$0")"
rounds=${1:-5}
tasks=${2:-100000}
finished=1000000
schema=../../Sources/AbsurdStore/Schema
bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1)
work=$(mktemp -d /tmp/absurd-bench-XXXXXX)
as_postgres=()
if [ "$(id -u)" = 0 ]; then
    chown postgres "$work"
    as_postgres=(setpriv --reuid=postgres --regid=postgres --clear-groups)
fi
stop() {
    "${as_postgres[@]}" "$bin/pg_ctl" -D "$work/data" -m immediate stop >/dev/null 2>&1 || true
    rm -rf "$work"
}
trap stop EXIT

"${as_postgres[@]}" "$bin/initdb" -D "$work/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 >/dev/null
"${as_postgres[@]}" "$bin/pg_ctl" -D "$work/data" -w -l "$work/log" -o "-c listen_addresses='' -k $work \
    -c shared_buffers=512MB -c max_wal_size=4GB -c checkpoint_timeout=30min" start >/dev/null
export PGHOST=$work PGUSER=postgres
sql() { psql -qAtX -v ON_ERROR_STOP=1 -d "$1" -c "$2"; }
file() { psql -qAtX -v ON_ERROR_STOP=1 -1 -d "$1" -f "$2" >/dev/null; }
for database in floor ours history pgmq; do sql postgres "CREATE DATABASE $database"; done
file floor floor.sql
for database in ours history; do
    for migration in "$schema"/*.sql; do file "$database" "$migration"; done
    file "$database" ours.sql
done

# pgmq's own SQL from its Python package; without a network, its statements on tables of its shape.
peer="pgmq $(python3 -m pip download -q --no-deps -d "$work/peer" pgmq==1.1.4 2>/dev/null &&
    cd "$work/peer" && python3 -m zipfile -e ./*.whl . && cat pgmq/sql/VERSION 2>/dev/null)" || true
if ! { [ -f "$work/peer/pgmq/sql/pgmq.sql" ] && file pgmq "$work/peer/pgmq/sql/pgmq.sql" 2>/dev/null; }; then
    peer="pgmq's statements on tables of its shape"
    file pgmq ../../Sources/AbsurdMeasure/Statements/pgmq_shape.sql
fi
sql pgmq "SELECT pgmq.create('bench')" >/dev/null
file pgmq pgmq.sql

now() { date +%s%N; }
rate() { echo "$2 $1" | awk '{ printf "%.0f", $1 / ($2 / 1e9) }'; }
timed() { # timed DATABASE COUNT SQL... : rows per second of the statements, run side by side
    local database=$1 count=$2 start pids=()
    shift 2
    start=$(now)
    for statement in "$@"; do
        sql "$database" "$statement" &
        pids+=($!)
    done
    wait "${pids[@]}"
    rate $(($(now) - start)) "$count"
}
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

sql history "CALL bench.history($finished)"
psql -qAtX -d floor -c "COPY (SELECT 'q', 'echo', jsonb_build_object('x', repeat('a', 60)) FROM generate_series(1, 1000))
    TO STDOUT" >"$work/rows"
chmod a+r "$work/rows"
for _ in $(seq $((tasks / 1000))); do
    echo "COPY bench.bare (queue_name, task_name, params) FROM '$work/rows';"
done >"$work/copy.sql"
chmod a+rx "$work"

declare -A results
keep() { results[$1]+="$2 "; }
for round in $(seq "$rounds"); do
    for batch in 10 100 500; do
        n=$tasks
        [ "$batch" = 10 ] && n=$((tasks / 10))
        for table in leanest floor; do
            sql floor "CALL bench.fill('$table', $n)"
            sql floor CHECKPOINT
            keep "$table-$batch" "$(timed floor "$n" "CALL bench.run('$table', $batch)")"
        done
        sql ours "CALL bench.clear(0)"
        sql ours "CALL bench.fill($n)"
        sql ours CHECKPOINT
        keep "ours-$batch" "$(timed ours "$n" "CALL bench.run('bench', $batch)")"
    done

    sql history "CALL bench.clear($finished)"
    sql history "VACUUM absurd.tasks_done"
    sql history "CALL bench.fill($tasks)"
    sql history CHECKPOINT
    keep history "$(timed history "$tasks" "CALL bench.run('bench', 500)")"

    sql ours "CALL bench.clear(0)"
    sql ours "CALL bench.fill($tasks)"
    mkfifo "$work/hold"
    psql -qAtX -d ours <"$work/hold" >"$work/held" &
    holder=$!
    exec 9>"$work/hold"
    echo "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM absurd.settings;" >&9
    until [ -s "$work/held" ]; do :; done
    sql ours CHECKPOINT
    keep held "$(timed ours "$tasks" "CALL bench.run('bench', 500)")"
    echo "ROLLBACK;" >&9
    exec 9>&-
    wait "$holder"
    rm "$work/hold" "$work/held"

    sql floor "TRUNCATE bench.bare"
    sql floor CHECKPOINT
    start=$(now)
    psql -qAtX -d floor -f "$work/copy.sql"
    keep copy "$(rate $(($(now) - start)) "$tasks")"
    sql ours "CALL bench.clear(0)"
    sql ours CHECKPOINT
    keep spawn "$(timed ours "$tasks" "CALL bench.spawn($tasks, 1000)")"

    sql pgmq "CALL bench.fill($tasks)"
    sql pgmq CHECKPOINT
    keep pgmq "$(timed pgmq "$tasks" "CALL bench.run(1000)" "CALL bench.run(1000)")"
    sql ours "CALL bench.clear(0)"
    sql ours "CALL bench.fill($tasks)"
    sql ours CHECKPOINT
    keep ours2 "$(timed ours "$tasks" "CALL bench.run('a', 1000)" "CALL bench.run('b', 1000)")"
    echo "round $round of $rounds done" >&2
done

# The claim's plan with a million pending beside the million finished: buffers for 500 tasks, nested statements included.
claim_buffers() {
    sql history "EXPLAIN (ANALYZE, BUFFERS, TIMING OFF) SELECT * FROM absurd.claim_batch('bench',
        (SELECT session FROM absurd.nodes WHERE node = 'bench'), '{q}', '{echo}', 500)" |
        awk '/Buffers: shared/ && !seen++ { for (i = 1; i <= NF; i++) if ($i ~ /^(hit|read)=/) { sub(/.*=/, "", $i); n += $i } }
            END { print n }'
}
sql history "CALL bench.clear($finished)"
sql history "CALL bench.fill(2000)"
claim_buffers >/dev/null
few=$(claim_buffers)
sql history "CALL bench.fill(1000000)"
many=$(claim_buffers)

failed=0
line() { # line LABEL CONTENDER BASE [LEAST]
    local ratio mine=(${results[$2]}) base=(${results[$3]}) verdict=""
    ratio=$(for i in "${!mine[@]}"; do echo "${mine[$i]} ${base[$i]}"; done | awk '{ printf "%.3f\n", $1 / $2 }' | median)
    if [ -n "${4:-}" ]; then
        verdict=">= $4"
        if awk "BEGIN { exit !($ratio < $4) }"; then verdict="BELOW $4" failed=1; fi
    fi
    printf '%-72s %9.0f/s  of %9.0f/s  = %5.2f  %s\n' "$1" "$(printf '%s\n' "${mine[@]}" | median)" \
        "$(printf '%s\n' "${base[@]}" | median)" "$ratio" "$verdict"
}
echo "claim + complete of $tasks tasks, median of $rounds rounds; peer: $peer"
line "batch 500, against bare SQL with the same reads" ours-500 floor-500 0.9
line "batch 100, against bare SQL with the same reads" ours-100 floor-100
line "batch 10, against bare SQL with the same reads" ours-10 floor-10
line "batch 500, against bare SQL that can only claim" ours-500 leanest-500
line "batch 500, $finished finished rows, against none" history ours-500 0.9
line "batch 500, an old snapshot held, against none" held ours-500 0.8
line "bulk spawn by 1000, against COPY by 1000 into a bare table" spawn copy 0.5
line "batch 1000 on two connections, against pgmq read + archive" ours2 pgmq 2
echo "buffers of a claim of 500: $few with 1500 pending, $many with 1000000 pending; $finished finished beside both"
if [ "$many" -gt $((few * 2)) ]; then
    echo "BELOW: the claim reads more when more is pending"
    failed=1
fi
exit $failed
