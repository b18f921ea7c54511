#!/usr/bin/env bash
# Builds the Vagrant box for the lxc provider. Needs root; `python -m tools.cluster up` calls it.
#   tools/box/build.sh RELEASE ARCH WORK_DIRECTORY METADATA
# Reads   WORK_DIRECTORY/apt/sources.list and WORK_DIRECTORY/apt/apt.conf (this computer's own apt settings)
# Writes  WORK_DIRECTORY/package.box
set -euo pipefail
release=$1 arch=$2 work=$3 metadata=$4
here=$(cd "$(dirname "$0")" && pwd)
export TASKYARD_BOX_APT=$work/apt

# From the outside the mirror is reached exactly as this computer reaches it: same sources, keys, proxy.
# /var/cache and the lists are emptied by mmdebstrap itself.
mmdebstrap --quiet --mode=root --format=directory --variant=minbase --architectures="$arch" \
  --include="$(sed 's/#.*//' "$here/packages" | xargs | tr ' ' ',')" \
  --aptopt="$work/apt/apt.conf" \
  --aptopt='Acquire::Languages "none"' \
  --dpkgopt='path-exclude=/usr/share/man/*' \
  --dpkgopt='path-exclude=/usr/share/doc/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' \
  --dpkgopt='force-unsafe-io' \
  --essential-hook="\"$here/trust-host.sh\" \"\$1\"" \
  --customize-hook="\"$here/customize.sh\" \"\$1\"" \
  "$release" "$work/rootfs" "$work/apt/sources.list"

# A .box is a tar of these three; the provider unpacks rootfs.tar.gz for every machine that it makes.
tar -C "$work" --numeric-owner --xattrs -cf - ./rootfs | gzip -1 > "$work/rootfs.tar.gz"
{ cat "$here/lxc-config"; echo "lxc.arch = $arch"; } > "$work/lxc-config"
printf '%s\n' "$metadata" > "$work/metadata.json"
tar -C "$work" -cf "$work/package.box" metadata.json lxc-config rootfs.tar.gz
rm -rf --one-file-system "$work/rootfs" "$work/rootfs.tar.gz"
