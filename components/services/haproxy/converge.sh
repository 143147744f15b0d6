#!/usr/bin/env bash
# Brings this machine's HAProxy to its files.
#
#   check STAGE         are the program, the ports and the new configuration fit?
#   apply [CHANGED...]  reloads without dropping a session; starts it where it does not run
#
# Nothing here restarts a HAProxy that runs with our configuration: a reload starts a new program as well.
set -euo pipefail

readonly config=/etc/haproxy/haproxy.cfg

fail() {
  printf 'haproxy: %s\n' "$*" >&2
  exit 1
}

check() {
  local words taken
  command -v haproxy >/dev/null || fail "the program haproxy is missing; the package haproxy must be installed"
  [ -r /etc/pgkeel/tls/haproxy/ca.crt ] || fail "/etc/pgkeel/tls/haproxy/ca.crt is missing; the cluster's certificates were not delivered"
  words=$(haproxy -c -f "$1$config" 2>&1) ||
    fail "HAProxy refuses its configuration: $(grep ALERT <<<"$words" | sed "s,.*config : ,,; s,$1,," | head -3 | paste -sd ' ')"
  systemctl is-active --quiet haproxy || {
    taken=$(ss -Hltnp "( sport = :5000 or sport = :5001 or sport = :7000 )" | grep -E ' (127\.0\.0\.1|0\.0\.0\.0|\*|\[::\]):' || true)
    [ -z "$taken" ] || fail "a port of 5000, 5001, 7000 is taken by another program; stop it: $taken"
  }
}

apply() {
  local path reload=no
  for path in "$@"; do
    case $path in
      /etc/systemd/system/*) systemctl daemon-reload ;;
      "$config" | /etc/pgkeel/tls/haproxy/*) reload=yes ;;
    esac
  done
  [ -L /etc/systemd/system/multi-user.target.wants/haproxy.service ] || systemctl enable --quiet haproxy
  if ! systemctl is-active --quiet haproxy; then
    systemctl reset-failed haproxy 2>/dev/null || true
    systemctl start haproxy || fail "it does not start: $(last_words)"
    echo "haproxy started"
  elif ! ours; then
    # The package's own configuration, started by its installation: nobody uses it.
    systemctl restart haproxy || fail "it does not start: $(last_words)"
    echo "haproxy restarted with the cluster's configuration"
  elif [ $reload = yes ] || replaced; then
    systemctl reload haproxy || fail "it did not take its new configuration and goes on with the old one: $(last_words)"
    echo "haproxy reloaded"
  fi
}

ours() { [ -S /run/haproxy/admin.sock ] && [ -f /run/haproxy/server-state ]; }

# Whether the running program is no longer the installed one.
replaced() { [[ $(readlink "/proc/$(systemctl show -P MainPID haproxy)/exe") == *" (deleted)" ]]; }

last_words() { journalctl -u haproxy -n 40 -o cat --no-pager | grep -E 'ALERT|haproxy-routes|rror' | tail -3 | cut -c1-400; }

case ${1-} in
check) check "${2:?}" ;;
apply)
  shift
  apply "$@"
  ;;
*) fail "unknown call ${1-}" ;;
esac
