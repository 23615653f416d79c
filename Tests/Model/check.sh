#!/bin/bash
# Checks the model in full, then that each broken variant is found. Prints the number of states.
set -euo pipefail
model=$(cd "$(dirname "$0")" && pwd)/lane.pml
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

verify() { # verify LABEL spin-defines...
    spin "${@:2}" -a "$model" > spin.log || { cat spin.log; exit 1; }
    gcc -O2 -w -DSAFETY -DMEMLIM=3000 -DVECTORSZ=2048 -o pan pan.c
    ./pan -m1000000 -w26 > pan.log 2>&1
    grep -q 'errors: ' pan.log || { cat pan.log; exit 1; }
}

for shape in "-DN=2 -DT=3" "-DN=2 -DT=2 -DLEADER_DEATHS=2 -DWORKER_DEATHS=2" "-DN=4 -DT=3" "-DN=1 -DT=3"; do
    verify "$shape" $shape
    grep -q 'errors: 0' pan.log || { echo "$shape: VIOLATION"; cat pan.log; exit 1; }
    if grep -q 'Search not completed\|max search depth too small' pan.log; then echo "$shape: not exhaustive"; cat pan.log; exit 1; fi
    echo "model $shape: $(awk '/states, stored/ {print $1}' pan.log) states, no violation"
done
for broken in ORDER TAKE SLEEP FREE; do
    verify "$broken" -DN=2 -DT=3 "-DBROKEN_$broken"
    if grep -q 'errors: 0' pan.log; then echo "model: the broken variant $broken was not found"; exit 1; fi
    echo "model, broken $broken: found"
done
