#!/usr/bin/env bash
# Patroni's before_stop program (as user postgres, before each stop of PostgreSQL): makes a stop that the program asked for
# as quick as it is. Patroni looks once a second whether PostgreSQL has stopped, which takes a tenth of that; here the same
# fast shutdown is begun and watched closely, and Patroni finds it done. Any other stop (a crash, a lost leader key) is left
# to Patroni alone: this acts only while its marker is fresh, and it never fails a stop.
set -u
readonly marker=/run/pgkeel/quick-stop data=/var/lib/postgresql/17/main
readonly fresh_seconds=15 longest=500 # looks, 10 ms apart

now=$(printf '%(%s)T' -1)
made=$(stat -c %Y $marker 2>/dev/null) || exit 0
[ $((now - made)) -lt $fresh_seconds ] || exit 0
read -r pid <$data/postmaster.pid 2>/dev/null || exit 0
[ "$(cat "/proc/$pid/comm" 2>/dev/null)" = postgres ] || exit 0
kill -INT "$pid" || exit 0
# A process that has ended stays as a zombie until its parent looks.
exec {never}<> <(:)
for ((i = 0; i < longest; i++)); do
  read -r _ _ state _ <"/proc/$pid/stat" 2>/dev/null || break
  [ "$state" != Z ] || break
  read -rt 0.01 -u "$never" || true
done
exit 0
