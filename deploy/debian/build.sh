#!/bin/bash
# Builds .build/deb/absurd_VERSION_ARCH.deb from programs that are there: build.sh [PROGRAMS_DIRECTORY [VERSION]]
# The Swift runtime has no Debian package: its libraries come along in /usr/lib/absurd, where the programs look first.
set -euo pipefail
cd "$(dirname "$0")/../.."
programs=${1:-.build/release}
version=${2:-$("$programs/absurd" --version)}
architecture=$(dpkg --print-architecture)
out=.build/deb
root=$out/root
rm -rf "$root" && mkdir -p "$out"

for program in absurd absurdctl absurd-worker absurd-stage; do
    install -D -m 0755 "$programs/$program" "$root/usr/lib/absurd/$program"
    while read -r library; do
        install -m 0644 "$library" "$root/usr/lib/absurd/"
    done < <(ldd "$programs/$program" | awk '$3 ~ /\/lib\/swift\/linux\// { print $3 }')
done
for file in "$root"/usr/lib/absurd/*; do
    strip --strip-unneeded "$file"
    patchelf --set-rpath '$ORIGIN' "$file"
done
# A program finds its siblings beside what the link points to.
mkdir -p "$root/usr/bin"
ln -s ../lib/absurd/absurd ../lib/absurd/absurdctl "$root/usr/bin/"

put() { install -D -m 0644 "$1" "$root/$2"; }
for unit in deploy/systemd/*.service; do put "$unit" "lib/systemd/system/${unit##*/}"; done
put deploy/debian/absurd.sysusers usr/lib/sysusers.d/absurd.conf
put deploy/debian/absurd.tmpfiles usr/lib/tmpfiles.d/absurd.conf
put deploy/debian/leader.env etc/absurd/leader.env
put deploy/debian/absurd.logrotate etc/logrotate.d/absurd
for file in README.md GUARANTEES.md SECURITY.md ARCHITECTURE.md; do put "$file" "usr/share/doc/absurd/$file"; done
for directory in prometheus grafana patroni postgres python; do
    [ -d "deploy/$directory" ] || continue
    mkdir -p "$root/usr/share/doc/absurd/examples"
    cp -r "deploy/$directory" "$root/usr/share/doc/absurd/examples/"
done
put deploy/slurm-pilot.sbatch usr/share/doc/absurd/examples/slurm-pilot.sbatch
mkdir -p "$root/usr/share/doc/absurd/docs"
find docs -name "*.md" -exec cp --parents {} "$root/usr/share/doc/absurd/" \;
find "$root/usr/share/doc" -name __pycache__ -prune -exec rm -rf {} +
{
    printf 'Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\nUpstream-Name: Absurd\n\nFiles: *\n'
    sed -n 's/^Copyright (c) /Copyright: /p' LICENSE
    printf 'License: MIT\n'
    sed -e '1,/^Copyright/d' -e 's/^$/./' -e 's/^/ /' LICENSE | sed '1{/^ \.$/d}'
    printf '\nFiles: usr/lib/absurd/lib*.so\nCopyright: Apple Inc. and the Swift project authors\nLicense: Apache-2.0 with Runtime Library Exception\n'
    printf ' See /usr/share/common-licenses/Apache-2.0 and https://swift.org/LICENSE.txt.\n'
} >"$root/usr/share/doc/absurd/copyright"
put CHANGELOG.md usr/share/doc/absurd/CHANGELOG.md
printf 'absurd (%s) unstable; urgency=medium\n\n  * See CHANGELOG.md.\n\n -- %s  %s\n' "$version" \
    "$(sed -n 's/^Maintainer: //p' deploy/debian/control.in)" "$(date -R)" | gzip -9n >"$root/usr/share/doc/absurd/changelog.gz"

mkdir -p "$root/usr/share/man/man1" "$root/usr/share/lintian/overrides"
for program in absurd absurdctl; do
    "$programs/$program" --experimental-dump-help | deploy/debian/manual.pl "$version" "$root/usr/share/man/man1"
    completions=$root/usr/share
    install -d "$completions/bash-completion/completions" "$completions/zsh/vendor-completions" "$completions/fish/vendor_completions.d"
    "$programs/$program" --generate-completion-script bash | sed '1{/^#!/d}' >"$completions/bash-completion/completions/$program"
    "$programs/$program" --generate-completion-script zsh >"$completions/zsh/vendor-completions/_$program"
    "$programs/$program" --generate-completion-script fish >"$completions/fish/vendor_completions.d/$program.fish"
done
gzip -9n "$root"/usr/share/man/man1/*.1
put deploy/debian/lintian-overrides usr/share/lintian/overrides/absurd

mkdir -p "$root/DEBIAN" "$out/debian"
for script in postinst prerm postrm; do install -m 0755 "deploy/debian/$script" "$root/DEBIAN/"; done
printf '%s\n' /etc/absurd/leader.env /etc/logrotate.d/absurd >"$root/DEBIAN/conffiles"
: >"$out/debian/control" # dpkg-shlibdeps wants one to be there
libraries=$(cd "$out" && dpkg-shlibdeps -O -l"${root##*/}/usr/lib/absurd" --ignore-missing-info "${root##*/}"/usr/lib/absurd/* 2>/dev/null | sed -n 's/^shlibs:Depends=//p')
install -m 0755 deploy/absurd-numa-start "$root/usr/lib/absurd/"
sed -e "s/@VERSION@/$version/" -e "s/@ARCHITECTURE@/$architecture/" -e "s/@LIBRARIES@/$libraries/" \
    -e "s/@SIZE@/$(du -sk --exclude=DEBIAN "$root" | cut -f1)/" deploy/debian/control.in >"$root/DEBIAN/control"
(cd "$root" && find . -path ./DEBIAN -prune -o -type f -printf '%P\n' | sort | xargs md5sum >DEBIAN/md5sums)
chmod -R go=rX "$root"
package=$out/absurd_${version}_$architecture.deb
dpkg-deb --root-owner-group -Zxz -z2 --build "$root" "$package" >/dev/null
echo "$package"
