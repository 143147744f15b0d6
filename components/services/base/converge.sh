#!/usr/bin/env bash
# Prepares a machine: packages, names, users, kernel settings, limits of sshd and the journal.
#
#   check STAGE                 would sshd start with its new settings?
#   apply [CHANGED...]          installs what is missing and puts the rest in force; downloads nothing when all is there
#   upgrade PACKAGE=VERSION...  puts these versions in place; who calls it restarts what runs from them
#
# Installing starts, stops and restarts no service. A pinned version is put in place by apply only where the program does
# not run: to swap the files of a running one and restart it is the work of whoever upgrades the cluster, one machine at
# a time. For a running one apply makes sure that the version is to be had, and downloads it, so that its turn is short.
set -euo pipefail

readonly list=/etc/pgkeel/packages policy=/usr/sbin/policy-rc.d installing=/var/lib/pgkeel/base/installing
# Units that Debian's packages enable; each service of the cluster enables its own when it is converged.
readonly units=(etcd haproxy patroni pgbackrest pgbouncer postgresql)

fail() {
  printf 'base: %s\n' "$*" >&2
  exit 1
}

container() { systemd-detect-virt --container --quiet; }

check() {
  local words
  command -v sshd >/dev/null || [ -x /usr/sbin/sshd ] || return 0
  config=$(mktemp)
  trap 'rm -f "$config"' EXIT
  printf 'Include %s\nInclude /etc/ssh/sshd_config\n' "$1/etc/ssh/sshd_config.d/10-pgkeel.conf" >"$config"
  mkdir -p /run/sshd
  words=$(/usr/sbin/sshd -t -f "$config" 2>&1) || fail "sshd refuses its new settings: $words"
}

# --- Packages ---------------------------------------------------------------------------------------------------------

# Of entries `PACKAGE` or `PACKAGE=VERSION` those whose package is not installed, or not in its pinned version, as
# `missing ENTRY` or `other ENTRY INSTALLED`.
deviations() {
  local entry name
  local -A installed=()
  while read -r name entry; do installed[$name]=$entry; done < <(
    # shellcheck disable=SC2016 # The format is dpkg-query's own.
    dpkg-query -W -f '${Package} ${db:Status-Status}/${Version}\n' "${@%%=*}" 2>/dev/null | sed -n 's, installed/, ,p'
  )
  for entry in "$@"; do
    name=${entry%%=*}
    if [ -z "${installed[$name]-}" ]; then
      echo "missing $entry"
    elif [ "$entry" != "$name" ] && [ "${installed[$name]}" != "${entry#*=}" ]; then
      echo "other $entry ${installed[$name]}"
    fi
  done
}

# Whether a package's program, or the one that it belongs to, is at work on this machine.
at_work() {
  case $1 in
    postgresql-*) pgrep -x postgres ;;
    patroni | pgbackrest) pgrep -f '^/usr/bin/python3 /usr/bin/patroni ' ;;
    etcd-*) pgrep -x etcd ;;
    haproxy | pgbouncer) pgrep -x "$1" ;;
    *) return 1 ;;
  esac >/dev/null
}

apt() {
  DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 LC_ALL=C apt-get -qq -o DPkg::Lock::Timeout=120 "$@" 2>&1
}

install_now() {
  apt install -y --no-install-recommends --allow-downgrades --allow-change-held-packages \
    -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold -o APT::Keep-Downloaded-Packages=false "$@"
}

# Of packages whose installation was cut off.
finish_configuration() {
  DEBIAN_FRONTEND=noninteractive LC_ALL=C dpkg --force-confdef --force-confold --configure -a 2>&1
}

# Downloads what is to be installed later.
fetch() {
  local words
  if words=$(install_now --download-only "$@"); then return; fi
  # Perhaps the lists are old.
  words=$(apt update && install_now --download-only "$@") ||
    fail "$(not_to_be_had "$@")cannot download $* on $(</etc/hostname): $(reason "$words") - $(advice "$words"); nothing was installed"
}

# Pinned versions that no package source has, and what they have.
not_to_be_had() {
  local entry name versions
  for entry in "$@"; do
    name=${entry%%=*}
    [ "$entry" != "$name" ] || continue
    # One that is installed and nowhere else is shown as well.
    versions=$(apt-cache madison "$name" | awk '{ print $3 }' | sort -u)
    grep -qxF -- "${entry#*=}" <<<"$versions" || echo -n "the package sources have no $name ${entry#*=}, but $(paste -sd ' ' <<<"${versions:-no version at all}"): "
  done
}

reason() { grep -E '^(E|W|dpkg):' <<<"$1" | tail -4 | paste -sd ' '; }

install_packages() {
  local words unit
  mkdir -p "$(dirname $installing)"
  touch $installing
  # invoke-rc.d(8): 101 forbids every start. One of the administrator's own stays as it is.
  if [ ! -e $policy ] || grep -q pgkeel $policy; then
    printf '#!/bin/sh\n# Put here by pgkeel while it installs packages.\nexit 101\n' >$policy
    chmod 0755 $policy
  fi
  echo "installing: $*"
  # An earlier installation may have been cut off, and the lists may be old.
  words=$(install_now "$@") || words=$(finish_configuration && install_now "$@") || words=$(apt update && install_now "$@") || {
    finish_install
    fail "$(not_to_be_had "$@")cannot install $* on $(</etc/hostname): $(reason "$words") - $(advice "$words")"
  }
  finish_install
}

advice() {
  case $1 in
    *"Unable to locate"*) echo "does this machine have Debian 13's package sources (/etc/apt/sources.list.d)?" ;;
    *"was not found"*) echo "name a version that the package sources have (apt-cache policy PACKAGE), or remove the pin from the declaration's software" ;;
    *"enough free space"* | *"No space left"*) echo "free some disk space (apt-get clean; journalctl --vacuum-size=100M)" ;;
    *"Could not get lock"* | *"Unable to acquire"*) echo "another package manager is at work on it; wait for it to end" ;;
    *) echo "try 'apt-get update' on it: can it reach its package sources?" ;;
  esac
}

# What must hold after an installation, also after one that was killed.
finish_install() {
  local unit
  [ -e $installing ] || return 0
  if [ -e $policy ] && grep -q pgkeel $policy; then rm -f $policy; fi
  for unit in "${units[@]}"; do
    # Only what the packages' own units run: a cluster's services have settings of ours.
    [ -e "/etc/systemd/system/multi-user.target.wants/$unit.service" ] || continue
    [ ! -e "/var/lib/pgkeel/$unit/manifest.main" ] || continue
    systemctl disable --now --quiet "$unit.service" 2>/dev/null || true
  done
  rm -f $installing
}

# One at a time: another call, perhaps of a run that is dead on the other side, may be installing.
take_lock() {
  mkdir -p /var/lib/pgkeel/base
  exec 8>/var/lib/pgkeel/base/packages.lock
  flock -w 300 8 || fail "packages are being installed on $(</etc/hostname) for 300 s by another call; look for apt-get and dpkg there"
}

packages() {
  local kind entry installed
  local -a entries=() get=() later=()
  take_lock
  finish_install
  mapfile -t entries <$list
  while read -r kind entry installed; do
    if [ "$kind" = other ] && at_work "${entry%%=*}"; then
      echo "pending: ${entry%%=*} ${entry#*=} is declared and $installed runs"
      later+=("$entry")
    else
      get+=("$entry")
    fi
  done < <(deviations "${entries[@]}")
  if ! container && ! keeps_time; then get+=(systemd-timesyncd); fi
  [ ${#get[@]} = 0 ] || install_packages "${get[@]}"
  [ ${#later[@]} = 0 ] || fetch "${later[@]}"
}

upgrade() {
  local entry
  local -a get=()
  take_lock
  finish_install
  while read -r _ entry _; do get+=("$entry"); done < <(deviations "$@")
  [ ${#get[@]} = 0 ] || install_packages "${get[@]}"
}

# --- Names, time, kernel, sshd, journal -------------------------------------------------------------------------------

# The machines' names stand in a block of their own, before everything else: Debian's installer writes the own name as
# 127.0.1.1, and the first entry counts.
names() {
  local new=/etc/hosts.pgkeel-new
  {
    echo '# pgkeel: begin'
    cat /etc/pgkeel/hosts
    echo '# pgkeel: end'
    [ ! -e /etc/hosts ] || awk '/^# pgkeel: begin$/ { skip = 1 } !skip { print } /^# pgkeel: end$/ { skip = 0 }' /etc/hosts
  } >$new
  if cmp -s $new /etc/hosts; then
    rm $new
  else
    chmod 0644 $new
    # Where the file itself is a mount, it can only be written over.
    mv $new /etc/hosts 2>/dev/null || { cat $new >/etc/hosts && rm $new; }
  fi
  [ "$(</proc/sys/kernel/hostname)" = "$(</etc/hostname)" ] || hostname --file /etc/hostname
}

users() {
  local user
  [ -e /etc/sysusers.d/pgkeel.conf ] || return 0
  user=$(awk '{ print $2; exit }' /etc/sysusers.d/pgkeel.conf)
  getent passwd "$user" >/dev/null || systemd-sysusers /etc/sysusers.d/pgkeel.conf
}

keeps_time() { systemctl is-active --quiet chrony chronyd ntpsec systemd-timesyncd; }

kernel() {
  container && return
  sysctl --quiet --load /etc/sysctl.d/60-pgkeel.conf || fail "the kernel refuses a value of /etc/sysctl.d/60-pgkeel.conf"
  [ ! -e /etc/tmpfiles.d/pgkeel.conf ] || systemd-tmpfiles --create /etc/tmpfiles.d/pgkeel.conf
  keeps_time || systemctl enable --now --quiet systemd-timesyncd
}

apply() {
  local path
  packages
  users
  names
  kernel
  for path in "$@"; do
    case $path in
      /etc/ssh/*)
        # Running sessions stay; with socket activation each connection reads its settings anew.
        if systemctl is-active --quiet ssh; then
          systemctl reload ssh || fail "sshd did not reload: $(journalctl -u ssh -n 3 -o cat --no-pager | paste -sd ' ')"
        fi
        ;;
      /etc/systemd/journald.conf.d/*) systemctl restart systemd-journald ;;
    esac
  done
}

case ${1-} in
check) check "${2:?}" ;;
apply)
  shift
  apply "$@"
  ;;
upgrade)
  shift
  upgrade "$@"
  ;;
*) fail "unknown call ${1-}" ;;
esac
