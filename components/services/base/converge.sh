#!/usr/bin/env bash
# Prepares a machine: packages, names, users, kernel settings, limits of sshd and the journal.
#
#   check STAGE         would sshd start with its new settings?
#   apply [CHANGED...]  installs what is missing and puts the rest in force; downloads nothing when all is there
#   upgrade             gives installed packages their pinned versions; who calls it restarts their services
#
# Installing starts no service. A pinned version is put in place by apply only where the program does not run: to swap
# the files of a running one and restart it is the work of whoever upgrades the cluster, one machine at a time.
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

# The entries of the list whose package is not installed, or not in its pinned version, as `missing ENTRY` or
# `other ENTRY INSTALLED`.
deviations() {
  local entry name
  local -A installed=()
  while read -r name entry; do installed[$name]=$entry; done < <(
    # shellcheck disable=SC2016 # The format is dpkg-query's own.
    sed 's/=.*//' $list | xargs dpkg-query -W -f '${Package} ${db:Status-Status}/${Version}\n' 2>/dev/null | sed -n 's, installed/, ,p'
  )
  while read -r entry; do
    name=${entry%%=*}
    if [ -z "${installed[$name]-}" ]; then
      echo "missing $entry"
    elif [ "$entry" != "$name" ] && [ "${installed[$name]}" != "${entry#*=}" ]; then
      echo "other $entry ${installed[$name]}"
    fi
  done <$list
}

# Whether a package's program is at work on this machine.
at_work() {
  case $1 in
    postgresql-*) pgrep -x postgres ;;
    patroni) pgrep -f '^/usr/bin/python3 /usr/bin/patroni ' ;;
    etcd-server) pgrep -x etcd ;;
    haproxy | pgbouncer) pgrep -x "$1" ;;
    *) return 1 ;;
  esac >/dev/null
}

apt() {
  DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 LC_ALL=C apt-get -qq -o DPkg::Lock::Timeout=120 "$@" 2>&1
}

install_now() {
  apt install -y --no-install-recommends --allow-downgrades --allow-change-held-packages \
    -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@"
}

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
  if ! words=$(install_now "$@"); then
    # Perhaps the lists are old, or an earlier installation was cut off.
    words=$(dpkg --configure -a 2>&1 && apt update && install_now "$@") || {
      finish_install
      fail "cannot install $* on $(</etc/hostname): $(grep -E '^(E|W|dpkg):' <<<"$words" | tail -4 | paste -sd ' ') - $(advice "$words")"
    }
  fi
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

packages() {
  local kind entry installed
  local -a get=()
  finish_install
  while read -r kind entry installed; do
    if [ "$kind" = other ] && [ "${1-}" != upgrade ] && at_work "${entry%%=*}"; then
      echo "pending: ${entry%%=*} ${entry#*=} is declared and $installed runs"
    else
      get+=("$entry")
    fi
  done < <(deviations)
  if ! container && ! keeps_time; then get+=(systemd-timesyncd); fi
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
upgrade) packages upgrade ;;
*) fail "unknown call ${1-}" ;;
esac
