#!/bin/bash
# The systemd units: valid, with the programs where they look for them, and exposed no more than 2.5 of 10.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir -p "$root/units"
# The programs' places exist after installation only: what is checked here is a copy that names a program which exists.
for unit in deploy/systemd/*.service; do
    grep -qE '^ExecStart=/usr/(bin/absurd|lib/absurd/absurd-numa-start) ' "$unit" || { echo "units: $unit: its program is not one that the package installs" >&2; exit 1; }
    sed -E 's#^(ExecStart=)[^ ]+#\1/bin/true#' "$unit" >"$root/units/${unit##*/}"
done
cp "$root/units/absurd-leader@.service" "$root/units/absurd-leader@0.service"
complaints=$(SYSTEMD_UNIT_PATH="$root/units:" systemd-analyze verify --man=no "$root"/units/*.service 2>&1 | grep absurd || true)
[ -z "$complaints" ] || { echo "$complaints" >&2; exit 1; }
for unit in absurd-leader.service absurd-leader@0.service absurd-migrate.service; do
    if ! systemd-analyze security --offline=true --threshold=25 --no-pager "$root/units/$unit" >"$root/report"; then
        sed -n '/✗/p' "$root/report" >&2
        echo "units: $unit: more exposed than 2.5" >&2
        exit 1
    fi
    sed -nE "s/.*Overall exposure level for ([^:]+): ([0-9.]+).*/units: \1: valid, exposure \2/p" "$root/report"
done
