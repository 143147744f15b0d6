#!/bin/bash
# The recipe of a lab machine's image: a Debian 13 root in which every package is installed and no service of them is enabled.
# Usage: image-build.sh <new root directory>. Runs in a mount namespace of its own (see image.sh).
set -euo pipefail

root=$1
here=$(cd "$(dirname "$0")" && pwd)
packages=$(sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$here/image-packages.txt" | paste -sd, -)

# Before any package is unpacked: no service starts while packages are configured, and PostgreSQL's package makes no cluster.
# shellcheck disable=SC2016 # mmdebstrap gives the directory to the hook as $1
before='
  mkdir -p "$1/usr/sbin" "$1/etc/postgresql-common/createcluster.d"
  printf "#!/bin/sh\nexit 101\n" > "$1/usr/sbin/policy-rc.d"
  chmod 0755 "$1/usr/sbin/policy-rc.d"
  echo "create_main_cluster = false" > "$1/etc/postgresql-common/createcluster.d/pgkeel.conf"
'

# shellcheck disable=SC2016
mmdebstrap \
  --variant=minbase \
  --include="$packages" \
  --aptopt='Acquire::Retries "3"' \
  --skip=cleanup/apt/lists \
  --setup-hook="$before" \
  --customize-hook="$here"'/image-setup.sh "$1"' \
  trixie "$root"
