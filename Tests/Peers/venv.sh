#!/bin/bash
# Makes the peers' Python environment (.build/venv), once for each state of the requirements.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
venv="${1:-$here/../../.build/venv}"
stamp="$venv/.requirements"
cmp -s "$here/requirements.txt" "$stamp" && exit 0
echo "peers: making the Python environment $venv" >&2
python3 -m venv --clear "$venv"
"$venv/bin/pip" install -q --disable-pip-version-check --no-input -r "$here/requirements.txt"
cp "$here/requirements.txt" "$stamp"
