#!/bin/bash
# Runs the blocks that the documentation marks `sh run`: docs.sh PROGRAMS_DIRECTORY
# Each page has one shell, from top to bottom, in an empty directory beside one `absurd up` for all; any failure counts.
set -euo pipefail
cd "$(dirname "$0")/../.."
programs=$(realpath "${1:?usage: docs.sh PROGRAMS_DIRECTORY}")
scratch=$(mktemp -d)
chmod 755 "$scratch"
export ABSURD_STATE_DIR=$scratch/state PATH=$programs:$PATH
unset ABSURD_DATABASE_URL
mkfifo "$scratch/said"
absurd up --workers 2 2>"$scratch/said" &
up=$!
stop() {
    kill -INT "$up" 2>/dev/null && wait "$up" || true
    rm -rf "$scratch"
}
trap stop EXIT
exec 4<"$scratch/said"
while read -r -u 4 line; do
    case $line in *"is up"*) break ;; *) echo "docs: $line" ;; esac
done
cat <&4 >"$scratch/up.log" &

pages=0
blocks() { awk '/^```/ { if (on) { on = 0; next } if ($0 == "```sh run") { on = 1; next } } on' "$1"; }
while read -r page; do
    blocks "$page" >"$scratch/blocks.sh"
    [ -s "$scratch/blocks.sh" ] || continue
    mkdir -p "$scratch/here" && rm -rf "${scratch:?}/here/"*
    if ! (cd "$scratch/here" && timeout 120 bash -euxo pipefail "$scratch/blocks.sh") >"$scratch/output" 2>&1; then
        tail -n 20 "$scratch/output" >&2
        echo "docs: $page: its blocks fail" >&2
        exit 1
    fi
    pages=$((pages + 1))
done < <(find README.md docs -name '*.md' | sort)
[ "$pages" -gt 0 ] || { echo "docs: no page has a block to run" >&2; exit 1; }

# Links inside the repository lead somewhere.
broken=$(find . -maxdepth 1 -name '*.md' -print -o -path './docs/*.md' -print | while read -r page; do
    grep -oE '\]\([^)#: ]+' "$page" | cut -c3- | while read -r target; do
        [ -e "$(dirname "$page")/$target" ] || echo "docs: $page links $target, which does not exist"
    done
done)
[ -z "$broken" ] || { echo "$broken" >&2; exit 1; }
echo "docs: the blocks of $pages pages work, and every link leads somewhere"
