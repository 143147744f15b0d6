#!/usr/bin/env bash
# Brings this machine's Patroni, and the PostgreSQL under it, to its files.
#
#   check STAGE         is the new configuration one that Patroni takes; are programs, certificates, ports, disks there?
#   apply [CHANGED...]  starts Patroni where it is stopped, reloads it where it runs; waits until it answers
#   note-start          what Patroni is being started with; called by its unit
#
# Nothing that runs is restarted here: where a restart is due, $pending says so, and whoever conducts the cluster does it.
set -euo pipefail

readonly conf=/etc/patroni/pgkeel tls=/etc/pgkeel/tls/patroni bin=/usr/lib/postgresql/17/bin
readonly data=/var/lib/postgresql/17/main wal=/var/lib/postgresql/wal
readonly started=/run/pgkeel-patroni.started from=/run/pgkeel-patroni.package pending=/var/lib/pgkeel/patroni.restart-pending
readonly etcd_seconds=180 answer_seconds=60 founding_seconds=120
# For initdb or the first segments of a copy, and the space to notice in time that more is needed.
readonly least_kb=262144

fail() {
  printf 'patroni: %s\n' "$*" >&2
  exit 1
}

# What a running Patroni was started with, as far as only a restart takes it over.
fingerprint() {
  cat /etc/systemd/system/patroni.service
  stat -c '%n %Z' /usr/lib/python3/dist-packages/patroni/__init__.py
}

# Version of the package that Patroni is started from. A run of the program that upgrades reads it: a package that was
# exchanged under a running Patroni shows nowhere else.
package_version() {
  # shellcheck disable=SC2016 # The format is dpkg-query's own.
  dpkg-query -W -f '${Version}\n' patroni
}

check() {
  local stage=$1
  check_programs
  check_certificates
  check_ports
  check_disk /var/lib/postgresql
  if [ -d $wal ]; then check_disk $wal; fi
  if [ -s $data/PG_VERSION ] && [ "$(<$data/PG_VERSION)" != 17 ]; then
    fail "$data holds PostgreSQL $(<$data/PG_VERSION), and 17 is declared"
  fi
  check_configuration "$stage"
}

check_programs() {
  local program
  for program in patroni $bin/postgres psql curl openssl ss; do
    command -v "$program" >/dev/null || fail "the program $program is missing; the packages postgresql-17, patroni, curl, openssl and iproute2 must be installed"
  done
  # Debian's package of Patroni is content with a client of any one store.
  [ -e /usr/lib/python3/dist-packages/etcd/__init__.py ] || fail "Python's client for etcd is missing; the package python3-etcd must be installed"
}

check_certificates() {
  local file
  for file in $conf/20-secrets.yml $tls/machine.key; do
    [ -r "$file" ] || fail "$file is missing; the secrets were not delivered"
  done
  openssl verify -CAfile $tls/ca.crt $tls/machine.crt >/dev/null 2>&1 ||
    fail "$tls/machine.crt is not valid for the authority in $tls/ca.crt: $(openssl verify -CAfile $tls/ca.crt $tls/machine.crt 2>&1 | grep -i error | head -1)"
  [ "$(openssl x509 -in $tls/machine.crt -noout -pubkey)" = "$(openssl pkey -in $tls/machine.key -pubout 2>/dev/null)" ] ||
    fail "$tls/machine.key does not belong to $tls/machine.crt"
}

# A PostgreSQL of ours may well run without Patroni: Patroni was killed, and finds it again.
check_ports() {
  local taken
  case $(systemctl is-active patroni) in inactive | failed) ;; *) return 0 ;; esac
  taken=$(ss -Hltnp 'sport = :8008')
  [ -z "$taken" ] || fail "port 8008 is taken by another program; stop it: $taken"
  if [ ! -e $data/postmaster.pid ]; then
    taken=$(ss -Hltnp 'sport = :5432')
    [ -z "$taken" ] || fail "port 5432 is taken by another program; stop it: $taken"
  fi
}

check_disk() {
  local available
  available=$(df --output=avail -k "$1" | tail -1)
  [ "$available" -ge $least_kb ] || fail "the disk of $1 has only $available kB left; free some, or make it larger (at least $least_kb kB are needed)"
}

# Patroni's own validator, on the new file beside the secrets that are in place. It would knock on every address; those of
# this machine are therefore laid over with one where nobody is (a knock fills Patroni's journal with tracebacks), and
# what it says of etcd's is dropped, for that is about the moment. So is its complaint about synchronous_mode: it does not
# know "quorum", which Patroni does (4.0). Values of passwords are kept out of what is left.
check_configuration() {
  local stage=$1 directory words
  if cmp -s "$stage$conf/10-patroni.yml" $conf/10-patroni.yml && [ -s $data/PG_VERSION ]; then return 0; fi
  directory=$(mktemp -d)
  # shellcheck disable=SC2064
  trap "rm -rf '$directory'" RETURN
  ln -s "$stage$conf"/*.yml $conf/20-secrets.yml "$directory"
  echo '{"restapi": {"listen": "127.0.0.1:1"}, "postgresql": {"listen": "127.0.0.1:1"}, "etcd3": {"hosts": ["127.0.0.1:1"]}}' >"$directory/90-nowhere.yml"
  if words=$(patroni --validate-config --ignore-listen-port "$directory" 2>&1); then return 0; fi
  words=$(grep -vE '^etcd3\.hosts.* is not reachable|^bootstrap\.dcs\.synchronous_mode quorum ' <<<"$words" |
    sed -E 's/^([a-z0-9_.]*password).*/\1 is not as it should be/') || true
  [ -z "$words" ] || fail "Patroni does not take the new configuration: $words"
}

# Before Patroni starts: one that finds no way into etcd only says that it waits, and sleeps for seconds at a time.
wait_etcd() {
  local deadline=$((SECONDS + etcd_seconds)) url answer
  while :; do
    for url in $PGKEEL_ETCD; do
      answer=$(curl -sS --http1.1 --max-time 3 --cacert $tls/ca.crt --cert $tls/machine.crt --key $tls/machine.key \
        --data @/etc/pgkeel/patroni/etcd-login.json "$url/v3/auth/authenticate" 2>&1) || true
      case $answer in
      *'"token"'*) return ;;
      *"authentication failed"*) fail "etcd refuses the password of its user patroni; converge the machines with etcd again, then this one" ;;
      esac
    done
    [ $SECONDS -lt $deadline ] || fail "no way into etcd within $etcd_seconds s (asked $PGKEEL_ETCD): $answer"
    sleep 0.2
  done
}

# What Patroni said since $1 (seconds of the epoch), and what to do about the usual words.
explain() {
  local words advice=
  words=$(journalctl -u patroni --since "@$1" -o cat --no-pager |
    grep -vE '^(patroni\.service: |St(art|opp)(ed|ing) patroni|Traceback|  )|the database system is starting up' | cut -c1-400) || true
  words=$({ grep -E 'ERROR|FATAL|PANIC|CRITICAL|[Ee]rror:|No space' <<<"$words" || tail -4 <<<"$words"; } | tail -4)
  case $words in
  *"No space left"*) advice="free space on its disks" ;;
  *"Address already in use"*) advice="stop the program that has the port (ss -ltnp)" ;;
  *"system ID mismatch"*) advice="$data belongs to another cluster: move it away" ;;
  *"already a node named"*) advice="another machine runs Patroni under this member's name" ;;
  *"waiting on etcd"*) advice="it finds no way into etcd: are the voters healthy?" ;;
  *"Failed to bootstrap cluster"* | *"initdb"*) advice="the failed attempt was moved to $data.failed; see journalctl -u patroni" ;;
  esac
  printf '%s\n%s' "${advice:+$advice. }Last words of its journal:" "$words"
}

alive() { curl -sf --max-time 2 --cacert $tls/ca.crt https://127.0.0.1:8008/liveness >/dev/null 2>&1; }

# Answers, and still does after its first look at the cluster: what it finds there may make it give up.
wait_answer() {
  local began=$1 deadline=$((SECONDS + answer_seconds)) before answered=
  before=$(systemctl show -P NRestarts patroni)
  while :; do
    if alive; then
      if [ "$answered" = "$(systemctl show -P MainPID patroni)" ]; then return; fi
      answered=$(systemctl show -P MainPID patroni)
      sleep 0.4
    else
      [ "$(systemctl show -P NRestarts patroni)" -le $((before + 1)) ] || fail "it does not stay up: $(explain "$began")"
      [ $SECONDS -lt $deadline ] || fail "it does not answer on port 8008 after $answer_seconds s: $(explain "$began")"
      sleep 0.1
    fi
  done
}

# A restart that only the conductor may do.
note_pending() {
  if [ "$(sha256sum < <(fingerprint))" = "$(cat $started 2>/dev/null)" ]; then
    # Started by a unit that did not note it yet.
    [ -e $from ] || package_version >$from
    rm -f $pending
  else
    [ -e $from ] || echo unknown >$from
    echo "the running Patroni is older than its unit or its package" >$pending
    echo "Patroni has to be restarted to take over its new unit or package; nothing was restarted"
  fi
}

# Whether a changed file is one that a reload takes over. What only serves a new cluster is not.
wants_reload() {
  local path
  for path in "$@"; do
    case $path in
    "$conf/05-bootstrap.yml") ;;
    "$conf"/* | "$tls"/*) return 0 ;;
    esac
  done
  return 1
}

# Makes the loop of the Patroni at an address come round now, not in a few seconds: a change of the cluster's configuration
# that changes nothing (it removes a key that is not there) does that. Fails where the cluster has no configuration yet.
wake() {
  curl -sf --max-time 5 --cacert $tls/ca.crt --config /etc/pgkeel/patroni/api.curl --request PATCH \
    --data '{"pgkeel_wake": null}' "https://$1/config" >/dev/null 2>&1
}

# The leader makes the replication slot of a new member in its loop; without it the member cannot stream, and tries again
# only after 5 s.
wake_leader() {
  local leader
  leader=$(curl -sf --max-time 5 --cacert $tls/ca.crt https://127.0.0.1:8008/cluster | tr '{' '\n' |
    sed -n 's,.*"role": "leader".*"api_url": "https://\([^/]*\)/.*,\1,p')
  [ -z "$leader" ] || wake "$leader"
}

# The member that founds a cluster is done when the cluster has its configuration. Where it cannot be made, the reason is
# here and not with those who wait for it.
wait_founded() {
  local began=$1 deadline=$((SECONDS + founding_seconds)) before
  before=$(systemctl show -P NRestarts patroni)
  until wake 127.0.0.1:8008; do
    [ "$(systemctl show -P NRestarts patroni)" = "$before" ] || fail "the cluster could not be made: $(explain "$began")"
    [ $SECONDS -lt $deadline ] || fail "the cluster was not made within $founding_seconds s: $(explain "$began")"
    sleep 0.2
  done
}

apply() {
  local began
  . /etc/pgkeel/patroni/converge.env
  install -d -o postgres -g postgres -m 0755 /var/lib/postgresql /var/lib/postgresql/17
  if [ "$PGKEEL_WAL_DISK" = yes ]; then install -d -o postgres -g postgres -m 0700 $wal; fi
  [ "$(systemctl show -P NeedDaemonReload patroni)" = no ] || systemctl daemon-reload
  # Not through update-rc.d for the script of System V that the package brings too: that alone takes half a second.
  systemctl is-enabled --quiet patroni || SYSTEMCTL_SKIP_SYSV=1 systemctl enable --quiet patroni
  began=$(date +%s)
  if systemctl is-active --quiet patroni; then
    note_pending
    if wants_reload "$@"; then
      systemctl reload patroni
      # Otherwise it looks at the reload only when its loop comes round. A kindness: not to be had without etcd.
      wake 127.0.0.1:8008 || true
      echo "Patroni reloaded"
    fi
    alive || wait_answer "$began"
  else
    wait_etcd
    systemctl start patroni
    rm -f $pending
    wait_answer "$began"
    echo "Patroni started"
  fi
  # Written with a member's first look at its cluster's configuration: without it there is no cluster yet.
  if [ -e $conf/05-bootstrap.yml ] && [ ! -e $data/patroni.dynamic.json ]; then wait_founded "$began"; fi
  wake_leader || true
}

case ${1-} in
check) check "$2" ;;
apply)
  shift
  apply "$@"
  ;;
note-start)
  sha256sum < <(fingerprint) >$started
  package_version >$from
  # A watchdog that the machine has is Patroni's to use.
  if [ -e /dev/watchdog ]; then chown postgres /dev/watchdog; fi
  ;;
*) fail "unknown call ${1-}" ;;
esac
