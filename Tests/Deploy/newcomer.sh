#!/bin/bash
# A newcomer's path in a clean Debian 12: newcomer.sh PROGRAMS_DIRECTORY  (as root; needs debootstrap and a mirror)
# The tree is made once, in .build/newcomer/base; each run works on a copy, in namespaces that take all with them.
set -euo pipefail
cd "$(dirname "$0")/../.."
if [ "$(id -u)" -ne 0 ]; then
    echo "newcomer: skipped: debootstrap and chroot need root; run it with sudo" >&2
    exit 0
fi
programs=${1:?usage: newcomer.sh PROGRAMS_DIRECTORY}
work=$PWD/.build/newcomer
mirror=${ABSURD_DEBIAN_MIRROR:-http://deb.debian.org/debian}
mkdir -p "$work"
if [ ! -e "$work/base/.complete" ]; then
    rm -rf "$work/base"
    debootstrap --variant=minbase bookworm "$work/base" "$mirror" >"$work/debootstrap.log"
    touch "$work/base/.complete"
fi
first=$("$programs/absurd" --version)
second=$first+next
rm -rf "$work/tree"
cp -a "$work/base" "$work/tree"
trap 'rm -rf "$work/tree"' EXIT
install -d "$work/tree/packages"
for version in "$first" "$second"; do
    cp "$(deploy/debian/build.sh "$programs" "$version")" "$work/tree/packages/"
done
lintian --allow-root --fail-on error,warning "$work"/tree/packages/*.deb
install -m 0755 Tests/Deploy/newcomer_inside.sh "$work/tree/packages/"
cp /etc/resolv.conf "$work/tree/etc/"
# Every mount and every process goes when the last of them ends.
unshare --mount --pid --fork --ipc --kill-child bash -euc '
    tree=$1; shift
    mount -t proc proc "$tree/proc"
    mount -t sysfs -o ro sysfs "$tree/sys"
    mkdir -p "$tree/dev/shm"
    mount -t tmpfs -o mode=1777 tmpfs "$tree/dev/shm"
    exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 TERM=dumb HOME=/root ${http_proxy:+http_proxy=$http_proxy} \
        chroot "$tree" bash /packages/newcomer_inside.sh "$@"' bash "$work/tree" "$first" "$second"
