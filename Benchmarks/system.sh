#!/bin/bash
# The full benchmark; usage: system.sh ABSURD OUTPUT.json
set -euo pipefail
peer=$(mktemp -d)
trap 'rm -rf "$peer"' EXIT
sql=()
if python3 -m pip download -q --no-deps -d "$peer" pgmq==1.1.4 2>/dev/null &&
    (cd "$peer" && python3 -m zipfile -e ./*.whl .) && [ -f "$peer/pgmq/sql/pgmq.sql" ]; then
    sql=(--pgmq-sql "$peer/pgmq/sql/pgmq.sql")
fi
"$1" benchmark --output "$2" "${sql[@]}"
