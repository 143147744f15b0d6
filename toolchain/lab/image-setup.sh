#!/bin/bash
# The settings of the image, made once all packages are in it. Usage: image-setup.sh <root directory>
set -euo pipefail

root=$1

# Nothing of the cluster runs on a machine that has just booted: its services are enabled when they are converged.
systemctl --root="$root" --quiet disable \
  etcd.service haproxy.service patroni.service pgbackrest.service pgbouncer.service pgbouncer.socket postgresql.service \
  prometheus-node-exporter.service prometheus-pgbouncer-exporter.service prometheus-postgres-exporter.service
# Timers that would take apt's lock or disk time from a small machine at any moment, and units without a purpose in a container.
systemctl --root="$root" --quiet mask \
  apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer \
  console-getty.service e2scrub_reap.service getty@tty1.service sshd-keygen.service systemd-firstboot.service systemd-logind.service \
  systemd-networkd-persistent-storage.service systemd-networkd-wait-online.service systemd-pstore.service
systemctl --root="$root" --quiet enable systemd-networkd.service ssh.service

# Each machine has one host key of its own, made with the machine.
rm -f "$root"/etc/ssh/ssh_host_*
cat > "$root/etc/ssh/sshd_config.d/90-lab-image.conf" <<'SSHD'
HostKey /etc/ssh/ssh_host_ed25519_key
PermitRootLogin prohibit-password
PasswordAuthentication no
UseDNS no
# Every command of an update is one login that stays open until the update ends.
MaxStartups 200:30:400
MaxSessions 200
SSHD

echo 'en_US.UTF-8 UTF-8' >> "$root/etc/locale.gen"
chroot "$root" locale-gen > /dev/null
rm -f "$root/usr/sbin/policy-rc.d"
# A machine gets its own identity when it is made.
: > "$root/etc/machine-id"
rm -f "$root/var/lib/dbus/machine-id" "$root/etc/hostname"
# Nothing to bring up to date at the first boot (ldconfig, the journal's catalogue).
chroot "$root" /usr/lib/systemd/systemd-update-done
