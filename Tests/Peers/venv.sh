#!/bin/bash
# Makes an environment of the peers' Python, once for each state of its requirements.
# usage: venv.sh [DIRECTORY [REQUIREMENTS]]: .build/venv and requirements.txt, unless said
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
venv="${1:-$here/../../.build/venv}"
requirements="${2:-$here/requirements.txt}"
stamp="$venv/.requirements"
cmp -s "$requirements" "$stamp" && exit 0
echo "peers: making the Python environment $venv" >&2
python3 -m venv --clear "$venv"
"$venv/bin/pip" install -q --disable-pip-version-check --no-input -r "$requirements"
cp "$requirements" "$stamp"
