#!/bin/sh
# Turns the Debian in directory $1 into a virtual machine: it finds its disk and starts its kernel.
set -eu
root=$1
here=$(cd "$(dirname "$0")" && pwd)
echo 'LABEL=taskyard / ext4 errors=remount-ro 0 1' > "$root/etc/fstab"
install -D -m 0644 "$here/grub.cfg" "$root/boot/grub/grub.cfg"
