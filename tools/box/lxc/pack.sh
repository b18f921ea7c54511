#!/usr/bin/env bash
# Packs WORK_DIRECTORY/rootfs into WORK_DIRECTORY/package.box for the lxc provider.
#   tools/box/lxc/pack.sh WORK_DIRECTORY ARCH
set -euo pipefail
work=$1 arch=$2
here=$(cd "$(dirname "$0")" && pwd)

# A .box is a tar of these three; the provider unpacks rootfs.tar.gz for every machine that it makes.
tar -C "$work" --numeric-owner --xattrs -cf - ./rootfs | gzip -1 > "$work/rootfs.tar.gz"
{ cat "$here/config"; echo "lxc.arch = $arch"; } > "$work/lxc-config"
tar -C "$work" -cf "$work/package.box" metadata.json lxc-config rootfs.tar.gz
rm "$work/rootfs.tar.gz"
