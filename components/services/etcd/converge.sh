#!/usr/bin/env bash
# Brings this machine's etcd voter to its files, and the cluster of voters to its users.
#
#   check STAGE         are programs, certificates, ports and disk as etcd needs them?
#   apply [CHANGED...]  starts or restarts etcd, waits until it is healthy, makes the users
#   restart-now         the restart alone, while holding the lock that makes voters take turns
#   note-start          what etcd is being started with; called by its unit
#
# A voter without data asks the others first. Where they form no cluster yet, all found one together: the first voter
# of the plan begins, the others wait until they see it, so that a few newcomers can never found a second cluster while
# an old one is down. Where they form one that expects this voter, it joins. Where they form one without it, this
# script stops: adding a voter to a living cluster is the work of whoever changes it (member add --learner), and when
# that is done, the next apply joins.
set -euo pipefail

# PGKEEL_ROOT puts everything below another directory: for the tests of this script.
readonly root=${PGKEEL_ROOT:-}
readonly conf=$root/etc/pgkeel/etcd tls=$root/etc/pgkeel/tls/etcd data=$root/var/lib/etcd/pgkeel
readonly join=$root/var/lib/pgkeel/etcd-join.env started=$root/run/pgkeel-etcd.started
readonly etcdctl=$root/usr/local/lib/pgkeel/etcdctl
# How long to wait for other voters: their machines may still be installing packages.
readonly peers_seconds=${PGKEEL_PEERS_SECONDS:-180}

fail() {
  printf 'etcd: %s\n' "$*" >&2
  exit 1
}

# A GET request with this machine's certificate.
get() { curl -sf --http1.1 --max-time 2 --cacert "$tls/ca.crt" --cert "$tls/machine.crt" --key "$tls/machine.key" "$1"; }

# What a running etcd was started with. Certificates and keys are missing on purpose: etcd reads them anew for each
# connection, all but the authority's.
fingerprint() {
  cat "$conf/etcd.env" "$root/etc/systemd/system/etcd.service.d/pgkeel.conf" "$tls/ca.crt"
  stat -c '%n %s %Z' /usr/bin/etcd
}

check() {
  local program words taken available
  for program in etcd etcdctl curl openssl ss; do
    command -v $program >/dev/null || fail "the program $program is missing; the packages etcd-server, etcd-client, curl, openssl and iproute2 must be installed"
  done
  [ -r "$tls/machine.key" ] || fail "$tls/machine.key is missing; its secrets were not delivered"
  words=$(openssl verify -CAfile "$tls/ca.crt" "$tls/machine.crt" 2>&1) ||
    fail "$tls/machine.crt is not valid for the authority in $tls/ca.crt: $(grep -i error <<<"$words" | head -1)"
  [ "$(openssl x509 -in "$tls/machine.crt" -noout -pubkey)" = "$(openssl pkey -in "$tls/machine.key" -pubout 2>/dev/null)" ] ||
    fail "$tls/machine.key does not belong to $tls/machine.crt"
  case $(systemctl is-active etcd) in inactive | failed)
    taken=$(ss -Hltnp '( sport = :2379 or sport = :2380 or sport = :2381 )')
    [ -z "$taken" ] || fail "a port of 2379, 2380, 2381 is taken by another program; stop it: $taken"
    ;;
  esac
  available=$(df --output=avail -k /var/lib/etcd | tail -1)
  [ "$available" -ge 65536 ] || fail "the disk of /var/lib/etcd has only $available kB left; etcd needs 64 MB to start"
}

others() {
  local voter
  for voter in $PGKEEL_VOTERS; do [ "${voter%%=*}" = "$PGKEEL_SELF" ] || printf '%s\n' "$voter"; done
}

# The members as the voter at an address knows them, one JSON object a line. Status 1: no etcd listens there; 2: the
# machine does not answer or does not speak our TLS.
members_at() {
  local answer
  if answer=$(get "https://$1:2380/members" 2>/dev/null); then
    tr '{' '\n' <<<"$answer" | grep '"id"'
    return 0
  fi
  answer=$(LC_ALL=C timeout 1 bash -c ": </dev/tcp/$1/2380" 2>&1) || true
  [[ $answer == *"Connection refused"* ]] && return 1
  return 2
}

# Decides how a voter without data comes up; leaves the answer in $join.
decide() {
  local me="\"https://$PGKEEL_SELF_ADDRESS:2380\"" founder=${PGKEEL_VOTERS%% *} deadline=$((SECONDS + peers_seconds))
  local voter members line status founder_up silent
  rm -f "$join"
  while :; do
    founder_up=no silent=
    for voter in $(others); do
      status=0
      members=$(members_at "${voter#*=}") || status=$?
      [ $status != 2 ] || silent="$silent ${voter%%=*}"
      [ $status = 0 ] || continue
      [ "$voter" != "$founder" ] || founder_up=yes
      # Addresses for clients are agreed on by a majority: before that there is no cluster.
      grep -q '"clientURLs":\["' <<<"$members" || continue
      line=$(grep -F "$me" <<<"$members") ||
        fail "${voter%%=*} belongs to an etcd cluster that does not know ${PGKEEL_SELF}; a voter is added to a living cluster first (member add --learner), and started after"
      ! grep -q '"clientURLs":\["' <<<"$line" ||
        fail "the other voters know $PGKEEL_SELF as a voter with data, and $data is empty; remove that member and add it again (member remove, member add --learner), and run this again"
      {
        echo 'ETCD_INITIAL_CLUSTER_STATE="existing"'
        printf 'ETCD_INITIAL_CLUSTER="%s"\n' "$(known "$members")"
      } >"$join"
      return
    done
    if [ "$founder" = "$PGKEEL_SELF=$PGKEEL_SELF_ADDRESS" ]; then
      # The machines of the others must be there: one that hides could hold an older cluster.
      [ -n "$silent" ] || return 0
    elif [ $founder_up = yes ]; then
      return 0
    fi
    [ $SECONDS -lt $deadline ] || fail "$(
      if [ -n "$silent" ]; then
        printf 'no answer on port 2380 from:%s' "$silent"
      else printf 'etcd does not start on %s' "${founder%%=*}"; fi
    ); a new cluster is founded only when every voter's machine answers (is it up, is a firewall between, does it have this cluster's certificates?)"
    sleep 0.1
  done
}

# Names and addresses of known members as etcd wants them; one that never ran has no name yet, and any will do.
known() {
  local line url name number=0 list=
  while read -r line; do
    url=$(sed -n 's/.*"peerURLs":\["\([^"]*\)".*/\1/p' <<<"$line")
    name=$(sed -n 's/.*"name":"\([^"]*\)".*/\1/p' <<<"$line")
    [ "$url" != "https://$PGKEEL_SELF_ADDRESS:2380" ] || name=$PGKEEL_SELF
    list=$list${list:+,}${name:-unnamed-$((++number))}=$url
  done <<<"$1"
  printf '%s' "$list"
}

# Whether the others have added this voter as a learner that has not been up since: data that is here is then of an earlier
# membership, which etcd refuses for good.
added_anew() {
  local voter members line
  for voter in $(others); do
    members=$(members_at "${voter#*=}") || continue
    line=$(grep -F "\"https://$PGKEEL_SELF_ADDRESS:2380\"" <<<"$members") || continue
    if [[ $line == *'"isLearner":true'* ]] && ! grep -q '"clientURLs":\["' <<<"$line"; then return 0; fi
  done
  return 1
}

health_at() { get "https://$1:2379/health" | grep -q '"health":"true"'; }

reason() { journalctl -u etcd -n 60 -o cat --no-pager | grep -E '"level":"(error|fatal|panic)"|^etcd|rror' | tail -3 | cut -c1-400; }

wait_healthy() {
  local deadline=$((SECONDS + peers_seconds)) failures
  failures=$(systemctl show -P NRestarts etcd)
  # Active first: before a majority is there, a question for its health is only answered after seconds.
  until [ "$(systemctl is-active etcd)" = active ] && health_at 127.0.0.1 2>/dev/null; do
    if [ "$(systemctl show -P NRestarts etcd)" -gt $((failures + 2)) ]; then
      fail "it does not stay up: $(reason)"
    fi
    [ $SECONDS -lt $deadline ] || fail "no healthy cluster after $peers_seconds s; it needs a majority of $PGKEEL_VOTERS. Last words: $(reason)"
    sleep 0.1
  done
}

# A voter that is up goes down for a restart only while the others have a majority without it.
wait_majority() {
  local deadline=$((SECONDS + peers_seconds)) member address total up down
  while :; do
    total=0 up=0 down=
    while read -r member; do
      [[ $member != *'"isLearner":true'* ]] || continue
      total=$((total + 1))
      address=$(sed -n 's,.*"peerURLs":\["https://\([^"]*\):[0-9]*".*,\1,p' <<<"$member")
      [ "$address" != "$PGKEEL_SELF_ADDRESS" ] || continue
      if health_at "$address" 2>/dev/null; then up=$((up + 1)); else down="$down $address"; fi
    done < <(members_at "$PGKEEL_SELF_ADDRESS" || true)
    if [ $total = 1 ] || [ $((up * 2)) -gt $total ]; then return; fi
    [ $SECONDS -lt $deadline ] || fail "a changed configuration wants a restart, and the others would have no majority: not healthy:$down; etcd was left as it runs"
    sleep 1
  done
}

# Voters that want a restart at the same time take turns, by a lock that the others keep for them. Whoever waits on a
# voter that restarts itself is thrown out, and queues again.
restart_in_turn() {
  local deadline=$((SECONDS + 2 * peers_seconds)) words voter endpoints=
  wait_majority
  for voter in $(others); do endpoints="$endpoints${endpoints:+,}https://${voter#*=}:2379"; done
  if [ -z "$endpoints" ]; then
    restart_now
    return
  fi
  until words=$(ETCDCTL_ENDPOINTS=$endpoints timeout "$peers_seconds" "$etcdctl" lock --ttl=10 pgkeel-restart -- "$0" restart-now 2>&1) ||
    running_as_declared; do
    [ $SECONDS -lt $deadline ] || fail "the restart that a changed configuration wants was not done: $(tail -1 <<<"$words")"
    sleep 1
  done
  echo "etcd restarted"
}

restart_now() {
  wait_majority
  systemctl restart etcd
  wait_healthy
}

running_as_declared() { [ "$(sha256sum < <(fingerprint))" = "$(cat "$started" 2>/dev/null)" ]; }

# Whether the process that runs is ours, not one that Debian's package started with its own settings.
ours() { tr '\0' '\n' <"/proc/$(systemctl show -P MainPID etcd)/environ" 2>/dev/null | grep -qx "ETCD_DATA_DIR=${data#"$root"}"; }

start() {
  local state
  [ "$(systemctl show -P NeedDaemonReload etcd)" = no ] || systemctl daemon-reload
  install -d -o etcd -g etcd -m 0700 "$data"
  state=$(systemctl is-active etcd) || true
  if [ "$state" = active ] && ours; then
    if running_as_declared; then return; fi
    restart_in_turn
    return
  fi
  if [ "$state" = activating ] && ours && running_as_declared; then return; fi
  if [ -d "$data/member" ] && added_anew; then
    systemctl stop etcd
    rm -rf "$data/member"
    echo "data of a membership that has ended removed"
  fi
  [ -d "$data/member" ] || decide
  # Not through update-rc.d for the script of System V that the package brings too: that alone takes half a second.
  systemctl is-enabled --quiet etcd || SYSTEMCTL_SKIP_SYSV=1 systemctl enable --quiet etcd
  # Without waiting: ready is when a majority answers, and that is waited for below, with a reason where it fails.
  systemctl restart --no-block etcd
  echo "etcd started"
}

# What etcdctl complains of, without the log lines before it.
complaint() { sed -n 's/^Error: *//p' <<<"$1" | tail -1; }

# `off`: anyone with a certificate may do anything; `on`: users must log in, and Patroni's can; `learner`: this voter has
# no vote yet, and the others already have users.
authentication() {
  local words
  if words=$(PGKEEL_AS=nobody "$etcdctl" get "${PGKEEL_PATRONI_PREFIX}probe" 2>&1); then
    echo off
  elif [[ $words == *"not supported for learner"* ]]; then
    echo learner
  elif [[ $words != *"user name is empty"* && $words != *"permission denied"* ]]; then
    echo "unknown ($(complaint "$words"))"
  elif words=$(PGKEEL_AS=patroni "$etcdctl" get "${PGKEEL_PATRONI_PREFIX}probe" 2>&1); then
    echo on
  else
    echo "on, but not for Patroni's user ($(complaint "$words"))"
  fi
}

# Runs etcdctl; a thing that is there already is as good as made. Says which step failed, and how.
make() {
  local words
  words=$("$etcdctl" "$@" 2>&1) || [[ $words == *"already exists"* ]] || {
    printf '%s: %s\n' "${*:1:3}" "$(complaint "$words")"
    return 1
  }
}

# A user with this password: made, or given it.
make_user() {
  local words
  words=$("$etcdctl" user add "$1" --interactive=false 2>&1 <<<"$2") && return
  if [[ $words == *"already exists"* ]]; then make user passwd "$1" --interactive=false <<<"$2"; else
    printf 'user add %s: %s\n' "$1" "$(complaint "$words")"
    return 1
  fi
}

# Every step may be taken twice, and by several voters at once.
make_users() {
  . "$conf/credentials.env"
  make_user "$PGKEEL_ROOT_USER" "$PGKEEL_ROOT_PASSWORD" &&
    make user grant-role "$PGKEEL_ROOT_USER" root &&
    make role add "$PGKEEL_PATRONI_ROLE" &&
    make role grant-permission --prefix=true "$PGKEEL_PATRONI_ROLE" readwrite "$PGKEEL_PATRONI_PREFIX" &&
    make_user "$PGKEEL_PATRONI_USER" "$PGKEEL_PATRONI_PASSWORD" &&
    make user grant-role "$PGKEEL_PATRONI_USER" "$PGKEEL_PATRONI_ROLE" &&
    make auth enable
}

ensure_users() {
  local deadline=$((SECONDS + 60)) patience=$((SECONDS + 15)) state words=
  [ "${PGKEEL_VOTERS%% *}" != "$PGKEEL_SELF=$PGKEEL_SELF_ADDRESS" ] || patience=0
  while :; do
    state=$(authentication)
    case $state in
    on) return 0 ;;
    learner)
      echo "this voter is a learner: it has no vote before it is promoted (member promote)"
      return 0
      ;;
    esac
    [ $SECONDS -lt $deadline ] || fail "authentication is $state. $words"
    # The first voter does it; the others do where it does not get to it.
    if [ $SECONDS -lt $patience ]; then
      sleep 0.2
    elif words=$(make_users); then
      echo "etcd users made"
    else
      sleep 1
    fi
  done
}

apply() {
  . "$conf/founding.env"
  start
  wait_healthy
  ensure_users
}

case ${1-} in
check) check ;;
apply) apply ;;
restart-now)
  . "$conf/founding.env"
  restart_now
  ;;
note-start) sha256sum < <(fingerprint) >"$started" ;;
*) fail "unknown call ${1-}" ;;
esac
