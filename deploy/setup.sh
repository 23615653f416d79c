#!/bin/bash
# Installs what deploy/packages.txt lists and this machine lacks, through apt, as root or with sudo.
# Nothing missing: says nothing, changes nothing, takes milliseconds.
set -euo pipefail
list="$(dirname "$0")/packages.txt"

if ! command -v swift >/dev/null; then
    echo "setup: swift is not on PATH: install a Swift 6 toolchain (https://www.swift.org/install/linux) and add its bin directory to PATH" >&2
    exit 69
fi
if ! command -v dpkg-query >/dev/null; then
    echo "setup: this machine has no dpkg: install by hand what $list names" >&2
    exit 69
fi

mapfile -t wanted < <(awk '!/^#/ && NF { print $1 }' "$list")
installed=$(dpkg-query -W -f='${db:Status-Abbrev} ${Package} ${Provides}\n' 2>/dev/null | awk '/^ii/ { gsub(/,|\([^)]*\)/, " "); print }')
missing=()
for package in "${wanted[@]}"; do
    grep -qE "(^| )$package( |\$)" <<<"$installed" || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "setup: missing ${missing[*]}: not root and no sudo; as root run: apt-get install --no-install-recommends ${missing[*]}" >&2
        exit 77
    fi
    as_root=(sudo)
fi
echo "setup: installing ${missing[*]}" >&2
apt() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 "$@" >/dev/null; }
apt update || echo "setup: apt-get update failed; going on with the package lists that are here" >&2
for package in "${missing[@]}"; do
    if ! apt-cache show "$package" >/dev/null 2>&1; then
        echo "setup: package $package can't be had from this machine's apt sources: add a Debian 12 mirror to /etc/apt/sources.list" >&2
        exit 69
    fi
done
if ! apt install -y --no-install-recommends "${missing[@]}"; then
    for package in "${missing[@]}"; do
        dpkg-query -W -f='${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q ^ii \
            || echo "setup: package $package could not be installed: try apt-get install $package and read its message" >&2
    done
    exit 69
fi
