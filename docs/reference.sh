#!/bin/bash
# Writes the command reference from the programs' own --help: .build/docs/commands.md.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=.build/release
mkdir -p .build/docs
page=.build/docs/commands.md
section() { # title, then the command
    printf '## %s\n\n```\n%s\n```\n\n' "$1" "$("${@:2}" --help 2>&1)"
}
subcommands() { "$@" --help | awk '/^SUBCOMMANDS:/ { on = 1; next } on && /^  [a-z]/ { print $1 }'; }
{
    printf '# Commands\n\nMade by `make docs` from the programs themselves.\n\n'
    for program in absurd absurdctl; do
        section "$program" "$bin/$program"
        for command in $(subcommands "$bin/$program" | grep -v '^help$'); do
            section "$program $command" "$bin/$program" "$command"
            for part in $(subcommands "$bin/$program" "$command" | grep -v '^help$'); do
                section "$program $command $part" "$bin/$program" "$command" "$part"
            done
        done
    done
} >"$page"
echo "docs: $page, $(grep -c '^## ' "$page") commands"
