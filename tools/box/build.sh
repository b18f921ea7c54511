#!/usr/bin/env bash
# Builds the Vagrant box for a provider. Needs root; `python -m tools.cluster up` calls it.
#   tools/box/build.sh PROVIDER RELEASE ARCH WORK_DIRECTORY METADATA
# Reads   WORK_DIRECTORY/apt/sources.list and WORK_DIRECTORY/apt/apt.conf (this computer's own apt settings)
# Writes  WORK_DIRECTORY/package.box
#
# One Debian for all providers. What only one of them needs is in its folder: packages, customize.sh, and
# pack.sh, which makes a box of the finished file system.
set -euo pipefail
provider=$1 release=$2 arch=$3 work=$4 metadata=$5
here=$(cd "$(dirname "$0")" && pwd)
export TASKYARD_BOX_APT=$work/apt

# From the outside the mirror is reached exactly as this computer reaches it: same sources, keys, proxy.
# /var/cache and the lists are emptied by mmdebstrap itself.
mmdebstrap --quiet --mode=root --format=directory --variant=minbase --architectures="$arch" \
  --include="$(sed 's/#.*//' "$here/packages" "$here/$provider/packages" | xargs | tr ' ' ',')" \
  --aptopt="$work/apt/apt.conf" \
  --aptopt='Acquire::Languages "none"' \
  --dpkgopt='path-exclude=/usr/share/man/*' \
  --dpkgopt='path-exclude=/usr/share/doc/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' \
  --dpkgopt='force-unsafe-io' \
  --essential-hook="\"$here/trust-host.sh\" \"\$1\"" \
  --customize-hook="\"$here/customize.sh\" \"\$1\"" \
  --customize-hook="\"$here/$provider/customize.sh\" \"\$1\"" \
  "$release" "$work/rootfs" "$work/apt/sources.list"

printf '%s\n' "$metadata" > "$work/metadata.json"
"$here/$provider/pack.sh" "$work" "$arch"
rm -rf --one-file-system "$work/rootfs"
