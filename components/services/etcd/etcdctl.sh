#!/usr/bin/env bash
# etcdctl as etcd's root user, on a voter, by root: the password comes from a file that only root reads, and reaches
# etcdctl by its environment, never by its arguments. PGKEEL_AS=patroni logs in as Patroni's user, PGKEEL_AS=nobody
# shows the certificate alone. Unless ETCDCTL_ENDPOINTS says otherwise, it asks the voter on this machine.
set -euo pipefail
tls=/etc/pgkeel/tls/etcd
. /etc/pgkeel/etcd/credentials.env
case ${PGKEEL_AS:-root} in
root) export ETCDCTL_USER=$PGKEEL_ROOT_USER ETCDCTL_PASSWORD=$PGKEEL_ROOT_PASSWORD ;;
patroni) export ETCDCTL_USER=$PGKEEL_PATRONI_USER ETCDCTL_PASSWORD=$PGKEEL_PATRONI_PASSWORD ;;
nobody) ;;
*)
  echo "etcdctl: PGKEEL_AS is root, patroni or nobody, not $PGKEEL_AS" >&2
  exit 64
  ;;
esac
export ETCDCTL_ENDPOINTS=${ETCDCTL_ENDPOINTS:-https://127.0.0.1:2379}
export ETCDCTL_CACERT=$tls/ca.crt ETCDCTL_CERT=$tls/machine.crt ETCDCTL_KEY=$tls/machine.key
exec etcdctl "$@"
