#!/bin/sh
# Turns the bare Debian in directory $1 into a Vagrant machine.
set -eu
root=$1
here=$(cd "$(dirname "$0")" && pwd)

# apt reads the same sources as this computer (its proxy settings came in with --aptopt).
cp "$TASKYARD_BOX_APT/sources.list" "$root/etc/apt/sources.list"
rm -f "$root"/etc/apt/sources.list.d/0000*
chroot "$root" update-ca-certificates >/dev/null
# pip carries its own list of authorities; this makes it use the system's.
printf '[global]\ncert = /etc/ssl/certs/ca-certificates.crt\n' > "$root/etc/pip.conf"

# The account that Vagrant expects. Its public key is known to everybody: the Vagrantfile's first provisioner replaces it.
chroot "$root" useradd --create-home --shell /bin/bash vagrant
echo 'vagrant ALL=(ALL) NOPASSWD: ALL' > "$root/etc/sudoers.d/vagrant"
chmod 0440 "$root/etc/sudoers.d/vagrant"
install -d -m 0700 "$root/home/vagrant/.ssh"
install -m 0600 "$(find /usr/share/rubygems-integration /usr/share/vagrant /opt/vagrant -path '*/keys/vagrant.pub' 2>/dev/null | head -n 1)" \
  "$root/home/vagrant/.ssh/authorized_keys"
chroot "$root" chown -R vagrant:vagrant /home/vagrant/.ssh

# Network: eth0 is NAT by DHCP; eth1, the cluster's own, is set up by the provider.
printf 'auto lo\niface lo inet loopback\n\nauto eth0\niface eth0 inet dhcp\n' > "$root/etc/network/interfaces"
printf '127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n' > "$root/etc/hosts"
rm -f "$root/etc/hostname"

# Nothing of one machine in all of them: the first boot makes its own host keys and id.
rm -f "$root"/etc/ssh/ssh_host_*
: > "$root/etc/machine-id"
rm -f "$root/var/lib/dbus/machine-id"
install -m 0644 "$here/ssh-host-keys.service" "$root/etc/systemd/system/ssh-host-keys.service"

systemctl --quiet --root="$root" enable ssh-host-keys.service ssh.service
# Nobody waits for these, and they would be in Ansible's way.
systemctl --quiet --root="$root" mask apt-daily.timer apt-daily-upgrade.timer systemd-networkd-wait-online.service
