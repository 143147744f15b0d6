#!/usr/bin/env bash
# Brings this machine's PgBouncer processes to their files.
#
#   check STAGE         are the program, the certificates, the ports and the new settings fit?
#   apply [CHANGED...]  reloads; starts what does not run; restarts, one by one, only processes whose own settings changed
#
# All processes of a port share it (so_reuseport): while one restarts, the others take the clients that come. Clients of
# the restarted process lose their connection once its transactions have ended.
set -euo pipefail

readonly conf=/etc/pgbouncer tls=/etc/pgkeel/tls/pgbouncer user=pgbouncer

fail() {
  printf 'pgbouncer: %s\n' "$*" >&2
  exit 1
}

check() {
  local port path taken
  command -v pgbouncer >/dev/null || fail "the program pgbouncer is missing; the package pgbouncer must be installed"
  command -v python3 >/dev/null || fail "the program python3 is missing; the package python3 must be installed"
  getent passwd $user >/dev/null || fail "the system user $user is missing; the service base makes it"
  for path in $tls/ca.crt $tls/machine.crt $tls/machine.key $conf/userlist.txt; do
    [ -r "$path" ] || fail "$path is missing; its secrets were not delivered"
  done
  [ "$(openssl x509 -in $tls/machine.crt -noout -pubkey)" = "$(openssl pkey -in $tls/machine.key -pubout 2>/dev/null)" ] ||
    fail "$tls/machine.key does not belong to $tls/machine.crt"
  for port in 6432 6433; do
    taken=$(ss -Hltnp "( sport = :$port )" | grep -v '"pgbouncer"' || true)
    [ -z "$taken" ] || fail "port $port is taken by another program; stop it: $taken"
  done
  # Those of killed runs.
  rm -rf /tmp/pgbouncer-check.*
  scratch=$(mktemp -d /tmp/pgbouncer-check.XXXXXX)
  trap 'rm -rf "$scratch"' EXIT
  chmod 0755 "$scratch"
  try "$1" rw
  try "$1" ro
}

# Starts a process with a port's new settings, on a socket of its own and no port, and ends it once it is up.
try() {
  local stage=$1 port=$2 dir=$scratch/$2 deadline pid
  install -d -o $user "$dir"
  printf '[pgbouncer]\nunix_socket_dir = %s\n%%include %s\n' "$dir" "$stage$conf/$port.ini" >"$dir/check.ini"
  chmod 0644 "$dir/check.ini"
  # Bounded, for the case that this script is killed meanwhile.
  timeout 10 setpriv --reuid=$user --regid=$user --clear-groups pgbouncer "$dir/check.ini" >"$dir/words" 2>&1 &
  pid=$!
  deadline=$((SECONDS + 5))
  until [ -S "$dir/.s.PGSQL.6432" ]; do
    if ! kill -0 $pid 2>/dev/null || [ $SECONDS -ge $deadline ]; then
      kill -KILL $pid 2>/dev/null || true
      fail "PgBouncer refuses $conf/$port.ini: $(grep -E 'ERROR|FATAL|WARNING' "$dir/words" | cut -d' ' -f5- | tail -3)"
    fi
    sleep 0.005
  done
  kill -QUIT $pid
  wait $pid || true
}

# Units that the files ask for.
wanted() {
  local file name
  for file in "$conf"/r[wo]-*.ini; do
    name=${file##*/} name=${name%.ini}
    echo "pgbouncer-${name%-*}@${name#*-}.service"
  done
}

# Every unit of ours that systemd knows: its name, state and main process.
states() {
  systemctl show -p Id -p ActiveState -p MainPID 'pgbouncer-r[wo]@*' pgbouncer.target | awk '
    BEGIN { RS = ""; FS = "\n" }
    { for (i = 1; i <= NF; i++) { split($i, part, "="); value[part[1]] = part[2] } }
    { print value["Id"], value["ActiveState"], value["MainPID"]; delete value }'
}

# Whether a process was started with its present settings, unit and program.
current() {
  local unit=$1 pid=$2 name exe
  name=${unit#pgbouncer-} name=${name%.service} name=${name/@/-}
  cmp -s "/run/pgbouncer/$name/started.ini" "$conf/$name.ini" || return 1
  exe=$(readlink "/proc/$pid/exe") && [[ $exe != *" (deleted)" ]]
}

retire_package_unit() {
  # Debian's own process, with a configuration that is not ours; masked, so that an upgrade of the package does not start it.
  [ "$(readlink /etc/systemd/system/pgbouncer.service || true)" = /dev/null ] && return
  systemctl disable --now --quiet pgbouncer.service 2>/dev/null || true
  systemctl mask --quiet pgbouncer.service
}

apply() {
  local path unit reload=no units=no
  for path in "$@"; do
    case $path in
      /etc/systemd/system/*) units=yes ;;
      $conf/* | $tls/*) reload=yes ;;
    esac
  done
  retire_package_unit
  [ $units = no ] || systemctl daemon-reload
  [ -L /etc/systemd/system/multi-user.target.wants/pgbouncer.target ] || systemctl enable --quiet pgbouncer.target

  local -a want=() run=() leave=() start=() renew=()
  local -A pid=()
  local state main target=inactive
  mapfile -t want < <(wanted)
  while read -r unit state main; do
    if [ "$unit" = pgbouncer.target ]; then
      target=$state
    elif [ "$state" = active ] || [ "$state" = reloading ]; then
      run+=("$unit")
      pid[$unit]=$main
    fi
  done < <(states)
  for unit in "${run[@]}"; do [[ " ${want[*]} " == *" $unit "* ]] || leave+=("$unit"); done
  for unit in "${want[@]}"; do
    if [ -z "${pid[$unit]-}" ]; then
      start+=("$unit")
    elif ! current "$unit" "${pid[$unit]}"; then
      renew+=("$unit")
    fi
  done

  # What runs and stays learns of new peers and settings first.
  if [ $reload = yes ] && [ ${#run[@]} -gt 0 ]; then
    systemctl kill --kill-whom=main --signal=HUP "${run[@]}"
    echo "pgbouncer reloaded: ${#run[@]} processes"
  fi
  if [ ${#start[@]} -gt 0 ]; then
    systemctl reset-failed "${start[@]}" 2>/dev/null || true
    systemctl start pgbouncer.target "${start[@]}" || fail "it does not start: $(last_words "${start[@]}")"
    echo "pgbouncer started: ${start[*]}"
  elif [ "$target" != active ]; then
    systemctl start pgbouncer.target
  fi
  # Of each port one at a time.
  local number
  for number in $(printf '%s\n' "${renew[@]#*@}" | sort -nu); do
    local -a round=()
    for unit in "${renew[@]}"; do [[ $unit != *"@$number" ]] || round+=("$unit"); done
    systemctl restart "${round[@]}" || fail "it does not start again: $(last_words "${round[@]}")"
    echo "pgbouncer restarted: ${round[*]}"
  done
  for unit in "${leave[@]}"; do
    systemctl stop "$unit"
    echo "pgbouncer stopped: $unit"
  done
}

last_words() {
  local unit
  for unit in "$@"; do journalctl -u "$unit" -n 20 -o cat --no-pager | grep -E 'ERROR|FATAL|WARNING' | tail -2; done | cut -c1-300
}

case ${1-} in
check) check "${2:?}" ;;
apply)
  shift
  apply "$@"
  ;;
*) fail "unknown call ${1-}" ;;
esac
