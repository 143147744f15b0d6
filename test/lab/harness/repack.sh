#!/usr/bin/env bash
# On a lab machine: packs installed packages again, under higher versions, into a package source of this machine only.
# Usage: repack.sh SUFFIX,... PACKAGE...; the source then has VERSION+SUFFIX of each package for each suffix, and needs no network.
set -euo pipefail

IFS=, read -ra suffixes <<<"$1"
readonly suffixes repository=/srv/repack info=/var/lib/dpkg/info
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p $repository

# The package as it is installed: its files, its maintainer's scripts and its control data. Its configuration files are
# the cluster's by now and not the package's: they stay out, and so where they are. What only a reader or a compiler of
# PostgreSQL's expressions needs, half of its size, goes.
unpack() {
  local package=$1 tree=$2 member
  mkdir -p "$tree/DEBIAN"
  dpkg-query -L "$package" | grep -vE '^/etc/|^/usr/share/(doc|man|locale)/|/bitcode/' | while read -r path; do
    if [ -L "$path" ] || [ -f "$path" ]; then echo ".$path"; fi
  done | tar --create --directory=/ --files-from=- | tar --extract --directory="$tree"
  dpkg-query -s "$package" | sed '/^Status:/d; /^Conffiles:/,/^[^ ]/ { /^Conffiles:/d; /^ /d }' >"$tree/DEBIAN/control"
  for member in preinst postinst prerm postrm triggers; do
    if [ -e "$info/$package.$member" ]; then cp -p "$info/$package.$member" "$tree/DEBIAN/"; fi
  done
}

pack() {
  local tree=$1 version=$2 package=$3 file
  sed -i "s/^Version: .*/Version: $version/" "$tree/DEBIAN/control"
  file=${package}_$(tr : _ <<<"$version").deb
  dpkg-deb --root-owner-group -Znone --build "$tree" "$repository/$file" >/dev/null
}

# The machine is thrown away: half of an installation's time would be the disk's.
echo force-unsafe-io >/etc/dpkg/dpkg.cfg.d/repack

for package in "$@"; do
  version=$(dpkg-query -W -f '${Version}' "$package")
  unpack "$package" "$work/$package"
  for suffix in "${suffixes[@]}"; do pack "$work/$package" "$version+$suffix" "$package"; done
  rm -rf "${work:?}/$package"
done

cd $repository
for file in *.deb; do
  dpkg-deb --field "$file"
  printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' "$file" "$(stat -c %s "$file")" "$(sha256sum "$file" | cut -d' ' -f1)"
done >Packages
echo "deb [trusted=yes] file:$repository ./" >/etc/apt/sources.list.d/repack.list
# Only this source's index: nothing is downloaded.
apt-get -qq update -o Dir::Etc::sourcelist=/etc/apt/sources.list.d/repack.list -o Dir::Etc::sourceparts=- -o APT::Get::List-Cleanup=0
