#!/bin/bash
# A real sshd on a loopback port, in the root of the lab's image: sshd.sh IMAGE_ROOT SETTINGS_DIRECTORY PORT
# Started in mount and process namespaces of its own, so that nothing of it is left when it ends.
set -euo pipefail
image=$1 settings=$2 port=$3

mount -t tmpfs tmpfs /mnt
mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay overlay -o "lowerdir=$image,upperdir=/mnt/upper,workdir=/mnt/work" /mnt/root
root=/mnt/root
mount --rbind /dev "$root/dev"
mount -t proc proc "$root/proc"
mkdir -p "$root/run/sshd" "$root/etc/test-sshd"
cp "$settings"/* "$root/etc/test-sshd/"
chmod 600 "$root"/etc/test-sshd/host_*
echo "root:$(cat "$settings/password")" | chroot "$root" chpasswd
cat > "$root/etc/test-sshd/config" << END
ListenAddress 127.0.0.1:$port
HostKey /etc/test-sshd/host_ed25519
HostKey /etc/test-sshd/host_ecdsa
AuthorizedKeysFile /etc/test-sshd/authorized_keys
StrictModes no
PermitRootLogin yes
PasswordAuthentication yes
KbdInteractiveAuthentication no
UsePAM no
AcceptEnv GREETING PULUMI_COMMAND_STDOUT
MaxSessions 10
MaxStartups 100
PerSourcePenalties no
LogLevel VERBOSE
Subsystem sftp internal-sftp
END
exec chroot "$root" /usr/sbin/sshd -D -e -f /etc/test-sshd/config
