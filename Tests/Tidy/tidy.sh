#!/bin/bash
# The house's style as a test: format, sizes, names, layering, SQL in its place. Prints each finding; exit 1 if any.
set -uo pipefail
cd "$(dirname "$0")/../.."
findings=$(mktemp)
trap 'rm -f "$findings"' EXIT
tracked() { git ls-files --cached --others --exclude-standard -- "$@" | while read -r f; do [ -f "$f" ] && echo "$f"; done; }

# Format: swift-format with .swift-format's rules.
tracked '*.swift' | xargs swift format lint --strict 2>&1 | grep -E 'error|warning' >>"$findings"

# Sizes: no file above 600 lines, no Swift or C function above 80.
tracked '*.swift' '*.c' '*.h' '*.cpp' '*.sql' '*.sh' '*.py' | xargs wc -l | awk '$2 != "total" && $1 > 600 { print $2 ": " $1 " lines (600 at most): which two rooms are hiding in it?" }' >>"$findings"
tracked 'Sources/*.swift' 'Tests/*.swift' | xargs awk '
    FNR == 1 { open = 0 }
    match($0, /^ *((public|private|fileprivate|internal|static|mutating|package|override|final|nonisolated|@[A-Za-z_]+(\([^)]*\))?) +)*(func|init)[ (?]/) && !open {
        match($0, /^ */); indent = RLENGTH; start = FNR; open = 1; name = $0; sub(/^ */, "", name)
        if ($0 ~ /}$/) open = 0
        next
    }
    open && match($0, /^ *}/) && RLENGTH - 1 == indent {
        if (FNR - start + 1 > 80) print FILENAME ":" start ": a function of " FNR - start + 1 " lines (80 at most): " name
        open = 0
    }' >>"$findings"

# Names that say nothing about their contents, and things left open.
tracked | grep -E '(^|/)[^/]*([Uu]tils?|[Hh]elpers?|[Mm]isc|[Cc]ommon|[Mm]anager)(\.|\+)[^/]*(swift|c|h|cpp)$' | sed 's/$/: a name that says nothing about its contents/' >>"$findings"
tracked 'Sources' 'Tests' 'CSupport' 'Benchmarks' 'deploy' | grep -v '^Tests/Tidy/' | xargs grep -nE '\b(TODO|FIXME|XXX|HACK)\b|\.disabled\(|XCTSkip|#expect\(true\)' -- >>"$findings"

# Layering: a room imports only rooms above it in Package.swift; only the stages know CRadio.
rooms=$(grep -v "\.library(name" Package.swift | grep -oE 'name: "[A-Za-z]+", (path|dependencies|linkerSettings|pkgConfig)|name: "(Absurd[A-Za-z]*|C[A-Z][A-Za-z]*)"' | sed -E 's/name: "([A-Za-z]+)".*/\1/' | awk '!seen[$0]++')
rank() { grep -nx "$1" <<<"$rooms" | cut -d: -f1; }
tracked 'Sources/*.swift' | xargs grep -HoE '^(@testable |public |internal |@_exported )*import +(struct |enum |func )?(Absurd[A-Za-z]*|C[A-Z][A-Za-z]*)' | while IFS=: read -r file line; do
    room=$(cut -d/ -f2 <<<"$file"); imported=${line##* }
    case "$room" in Commands) continue ;; esac
    [ "$imported" = "$room" ] && continue
    if [ -z "$(rank "$imported")" ] || [ "$(rank "$imported")" -ge "$(rank "$room")" ]; then
        echo "$file: $room imports $imported, which is not below it"
    fi
    if [ "$imported" = CRadio ] && [ "$room" != AbsurdRadio ] && [ "$room" != AbsurdStages ]; then
        echo "$file: only AbsurdRadio and AbsurdStages know CRadio"
    fi
done >>"$findings"
tracked 'Sources/Absurd/*.swift' | xargs grep -nE '^import ' | sed 's/$/: the room Absurd imports nothing/' >>"$findings"
tracked 'Sources/Commands/absurd/*.swift' 'Sources/Commands/absurdctl/*.swift' 'Sources/Commands/absurd-worker/*.swift' | xargs grep -nE '^import (AbsurdRadio|AbsurdStages|CRadio)' | sed 's/$/: only absurd-stage links the radio libraries/' >>"$findings"

# SQL lives in .sql files; Swift calls named functions.
tracked 'Sources/*.swift' | xargs grep -nE '"[^"]*\b(INSERT INTO|DELETE FROM|UPDATE [a-z_.]+ SET|CREATE (TABLE|INDEX|FUNCTION|OR REPLACE)|ALTER TABLE|DROP (TABLE|SCHEMA)|(LEFT |INNER )?JOIN [a-z]|GROUP BY)\b' | sed 's/$/ : SQL outside of a .sql file/' >>"$findings"

# What a repository must not hold.
git ls-files | grep -E '(^|/)\.build/|Package\.resolved$|\.(o|so|a|ms|hdf5|fits)$' | sed 's/$/: tracked by mistake/' >>"$findings"

if [ -s "$findings" ]; then
    cat "$findings"
    echo "tidy: $(wc -l <"$findings") findings" >&2
    exit 1
fi
echo "tidy: clean; $(tracked '*.swift' '*.c' '*.h' '*.cpp' '*.sql' | xargs wc -l | awk '$2 != "total" { print $1 }' | sort -n | awk '{ n[NR] = $1 } END { print NR " source files, median " n[int((NR + 1) / 2)] " lines, longest " n[NR] }')"
