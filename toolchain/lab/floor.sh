#!/bin/bash
# The floor that `npm run bench` compares `pulumi up` with: three machines cloned from the lab's image, with the same services by hand.
# Minimal configurations, no TLS, no limits, everything started by the boot itself. Ends when a leader and two streaming replicas exist and
# a write through PgBouncer works; prints the seconds since its start as its last line, and removes all that it made.
set -euo pipefail

here=$(cd -P -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
bridge=pgk-floor
network=198.18.0.208
keys=(1 2 3)
address() { echo "198.18.0.$((209 + $1))"; }
# Longer than this and something is broken, not slow.
limit=180

now() { date +%s%N; }
started=$(now)
elapsed() { awk -v from="$started" -v to="$(now)" 'BEGIN { printf "%.1f", (to - from) / 1e9 }'; }
say() { printf '%6s s  %s\n' "$(elapsed)" "$*" >&2; }
fail() {
  say "$*"
  exit 1
}

[ "$(id -u)" = 0 ] || fail "needs root"
image=$("$here/image.sh" path)
[ -d "$image" ] || fail "the image has not been built; run toolchain/lab/image.sh ensure"
work=/var/tmp/pgkeel-floor
supervisors=()

# The machine's own first process, as the host numbers it: the child of its systemd-nspawn.
init_of() { pgrep -P "${supervisors[$1 - 1]}" -x systemd 2> /dev/null | head -1; }

inside() {
  local init
  init=$(init_of "$1")
  shift
  nsenter --target "$init" --all "$@"
}

# Every process of every machine, by their control groups: of a run that was killed too.
processes() {
  find /sys/fs/cgroup -path '*/pgkeel-floor-*' -name cgroup.procs -exec cat {} + 2> /dev/null | sort -nu || true
}

remove_all() {
  trap - EXIT
  local root
  while [ -n "$(processes)" ]; do
    processes | xargs -r kill -KILL 2> /dev/null || true
    sleep 0.05
  done
  for root in "$work"/*/root; do
    if mountpoint -q "$root"; then umount "$root" || umount --lazy "$root"; fi
  done
  ip link delete "$bridge" 2> /dev/null || true
  find /sys/fs/cgroup -depth -type d -path '*/pgkeel-floor-*' -exec rmdir {} + 2> /dev/null || true
  rm -rf --one-file-system "$work"
}

mkdir -p "$work"
# The lock goes with this process; its machines do not inherit it.
exec 9< "$work"
flock --nonblock 9 || fail "another floor runs on this host; wait for its end"
remove_all
mkdir -p "$work"
exec 9< "$work"
flock --nonblock 9 || fail "another floor runs on this host; wait for its end"
started=$(now)
trap remove_all EXIT
trap 'exit 130' INT TERM HUP

configure() {
  local key=$1 root=$work/$1/root peers="" hosts="" other
  for other in "${keys[@]}"; do
    peers+=",db-$other=http://$(address "$other"):2380"
    hosts+=",$(address "$other"):2379"
  done
  echo "floor-db-$key" > "$root/etc/hostname"
  cat > "$root/etc/systemd/network/10-host0.network" << END
[Match]
Name=host0
[Network]
Address=$(address "$key")/28
LinkLocalAddressing=no
END
  cat > "$root/etc/default/etcd" << END
ETCD_NAME=db-$key
ETCD_LISTEN_PEER_URLS=http://$(address "$key"):2380
ETCD_INITIAL_ADVERTISE_PEER_URLS=http://$(address "$key"):2380
ETCD_LISTEN_CLIENT_URLS=http://$(address "$key"):2379,http://127.0.0.1:2379
ETCD_ADVERTISE_CLIENT_URLS=http://$(address "$key"):2379
ETCD_INITIAL_CLUSTER=${peers#,}
END
  cat > "$root/etc/patroni/17-main.yml" << END
scope: floor
name: db-$key
restapi: {listen: "$(address "$key"):8008", connect_address: "$(address "$key"):8008"}
etcd3: {hosts: "${hosts#,}"}
bootstrap:
  dcs: {ttl: 20, loop_wait: 5, retry_timeout: 5, synchronous_mode: true, postgresql: {use_pg_rewind: true}}
  initdb: [data-checksums, {encoding: UTF8}]
postgresql:
  use_unix_socket: true
  listen: "*:5432"
  connect_address: "$(address "$key"):5432"
  data_dir: /var/lib/postgresql/17/main
  bin_dir: /usr/lib/postgresql/17/bin
  pgpass: /var/lib/postgresql/.pgpass-patroni
  authentication:
    superuser: {username: postgres, password: floor}
    replication: {username: replicator, password: floor}
  parameters: {unix_socket_directories: /var/run/postgresql}
  pg_hba: ["local all all trust", "host all all 127.0.0.1/32 trust", "host all all $network/28 trust", "host replication all $network/28 trust"]
END
  {
    printf 'global\n  maxconn 1000\ndefaults\n  mode tcp\n  timeout connect 2s\n  timeout client 30m\n  timeout server 30m\n'
    printf 'listen leader\n  bind 127.0.0.1:5000\n  option httpchk GET /primary\n  default-server inter 1s fall 2 rise 1\n'
    for other in "${keys[@]}"; do printf '  server db-%s %s:5432 check port 8008\n' "$other" "$(address "$other")"; done
  } > "$root/etc/haproxy/haproxy.cfg"
  cat > "$root/etc/pgbouncer/pgbouncer.ini" << END
[databases]
* = host=127.0.0.1 port=5000 user=postgres
[pgbouncer]
listen_addr = *
listen_port = 6432
auth_type = any
pool_mode = transaction
unix_socket_dir = /var/run/postgresql
logfile = /var/log/postgresql/pgbouncer.log
pidfile = /var/run/postgresql/pgbouncer.pid
END
  mkdir -p "$root/etc/systemd/system/patroni@17-main.service.d"
  printf '[Unit]\nAfter=etcd.service\n' > "$root/etc/systemd/system/patroni@17-main.service.d/order.conf"
  # It would fail without a host key, and nobody logs in.
  systemctl --root="$root" --quiet disable ssh.service
  systemctl --root="$root" --quiet enable etcd.service patroni@17-main.service haproxy.service pgbouncer.service
}

start() {
  local key=$1 directory=$work/$1
  mkdir -p "$directory/upper" "$directory/work" "$directory/root"
  mount -t overlay overlay -o "lowerdir=$image,upperdir=$directory/upper,workdir=$directory/work" "$directory/root"
  configure "$key"
  # shellcheck disable=SC2016
  # Without a group of its own it would make its subgroups in the caller's.
  SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 setsid sh -c '
    for mount in $(awk "\$3 == \"cgroup2\" || (\$3 == \"cgroup\" && \$4 ~ /name=systemd/) { print \$2 }" /proc/mounts); do
      mkdir -p "$mount/$1" && echo $$ > "$mount/$1/cgroup.procs"
    done
    shift
    exec "$@"' start "pgkeel-floor-$key" systemd-nspawn --quiet --directory="$directory/root" --machine="floor-db-$key" \
    --register=no --keep-unit --resolv-conf=off --timezone=off --network-bridge="$bridge" --boot \
    < /dev/null > "$directory/console.log" 2>&1 9<&- &
  supervisors[key - 1]=$!
  # The shell need not tell of its end.
  disown "$!"
}

# Asks until it is so. The processor is the machines' own meanwhile.
wait_for() {
  local what=$1
  shift
  until "$@"; do
    if [ $((($(now) - started) / 1000000000)) -ge "$limit" ]; then
      inside 1 journalctl --no-pager --lines 20 --unit patroni@17-main --unit etcd >&2 || true
      fail "$what: not within $limit s; what the first machine logged is above"
    fi
    sleep 0.1
  done
  say "$what"
}

members() { curl --silent --max-time 2 "http://$(address 1):8008/cluster" || true; }
has_leader() { grep -q '"role": "leader", "state": "running"' <<< "$(members)"; }
has_replicas() { [ "$(members | grep -o '"state": "streaming"' | wc -l)" = 2 ]; }
writes() {
  inside 1 psql -qX "host=$(address 2) port=6432 dbname=postgres user=postgres connect_timeout=2" \
    -c 'create table floor (id int); insert into floor values (1)' > /dev/null 2>&1
}

ip link add "$bridge" type bridge
ip address add "198.18.0.209/28" dev "$bridge"
ip link set "$bridge" up
for key in "${keys[@]}"; do start "$key"; done
say "three machines started"
wait_for "a leader" has_leader
wait_for "two streaming replicas" has_replicas
wait_for "a write through PgBouncer" writes
seconds=$(elapsed)
remove_all
say "removed"
echo "$seconds"
