#!/bin/bash
# Writes the reference from the code's own tables into .build/docs: commands from --help, stages from the catalogue, SQL from
# the schema's comments, limits and metrics from the files that declare them.  reference.sh [PROGRAMS_DIRECTORY]
set -euo pipefail
cd "$(dirname "$0")/.."
bin=${1:-.build/release}
out=.build/docs
mkdir -p "$out"
made='Made by `make docs` from the code itself.'
section() { # title, then the command
    printf '## %s\n\n```\n%s\n```\n\n' "$1" "$("${@:2}" 2>&1)"
}
subcommands() { "$@" --help | awk '/^SUBCOMMANDS:/ { on = 1; next } on && /^  [a-z]/ { print $1 }' | grep -v '^help$' || true; }

{
    printf '# Commands\n\n%s\n\n' "$made"
    for program in absurd absurdctl; do
        section "$program" "$bin/$program" --help
        for command in $(subcommands "$bin/$program"); do
            section "$program $command" "$bin/$program" "$command" --help
            for part in $(subcommands "$bin/$program" "$command"); do
                section "$program $command $part" "$bin/$program" "$command" "$part" --help
            done
        done
    done
} >"$out/commands.md"

{
    printf '# HTTP\n\n%s Under /absurd and /api/absurd, except for /metrics, /events, /session and /livez. Errors are ' "$made"
    printf '`{"detail": "..."}`.\n\n'
    "$bin/absurd" routes
} >"$out/http.md"

stages=$("$bin/absurd" stages | awk 'NR > 1 { print $1 }')
{
    printf '# Stages\n\n%s\n\n' "$made"
    for stage in $stages; do section "$stage" "$bin/absurd" stages "$stage"; done
} >"$out/stages.md"

{
    printf '# SQL\n\n%s What a role may use is in 0014_roles.sql.\n\n' "$made"
    cat Sources/AbsurdStore/Schema/*.sql | perl -0777 -ne '
        my @found;
        while (/^COMMENT ON (TABLE|VIEW|COLUMN|FUNCTION) absurd\.(.+?) IS\s+((?:\x27(?:[^\x27]|\x27\x27)*\x27\s*)+);/smg) {
            my ($kind, $name, $text) = (lc $1, $2, $3);
            $text =~ s/\x27\s*\n\s*\x27//g; $text =~ s/^\x27|\x27\s*$//g; $text =~ s/\x27\x27/\x27/g;
            push @found, [$kind, $name, $text];
        }
        for my $kind (qw(function view table)) {
            print "## ", ucfirst $kind, "s\n\n";
            for my $item (sort { $a->[1] cmp $b->[1] } grep { $_->[0] eq $kind } @found) {
                print "- `$item->[1]`: $item->[2]\n";
                print "  - `", $_->[1] =~ s/^\Q$item->[1]\E\.//r, "`: $_->[2]\n"
                    for grep { $_->[0] eq "column" && index($_->[1], "$item->[1].") == 0 } @found;
            }
            print "\n";
        }'
} >"$out/sql.md"

{
    printf '# Limits\n\n%s\n\n| limit | value | |\n| --- | --- | --- |\n' "$made"
    awk '/^ *\/\/\/ / { sub(/^ *\/\/\/ /, ""); about = about (about ? " " : "") $0; next }
        /public static let/ { split($0, part, " = "); name = part[1]; sub(/.*let /, "", name); sub(/:.*/, "", name)
            print "| `" name "` | " part[2] " | " about " |" } { about = "" }' Sources/Absurd/Limits.swift
} >"$out/limits.md"

catalogue=Sources/AbsurdObserve/MetricCatalogue.swift
if [ -e "$catalogue" ]; then
    printf '# Metrics\n\n%s\n\n| metric | kind | labels | |\n| --- | --- | --- | --- |\n' "$made" >"$out/metrics.md"
    perl -0777 -ne 'while (/Metric\(\s*"(absurd_\w+)",\s*\.(\w+)(.*?)"([^"]*)"\)/sg) {
        my ($name, $kind, $rest, $help) = ($1, $2, $3, $4);
        my $labels = $rest =~ /labels: \[(.*?)\]/s ? $1 =~ s/"//gr : "";
        print "| `$name` | $kind | $labels | $help |\n" }' "$catalogue" >>"$out/metrics.md"
fi
for page in "$out"/*.md; do echo "docs: $page, $(grep -cE '^## |^- `|^\| `' "$page") entries"; done
