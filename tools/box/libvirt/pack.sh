#!/usr/bin/env bash
# Packs WORK_DIRECTORY/rootfs into WORK_DIRECTORY/package.box for the libvirt provider: a disk that a PC BIOS boots.
#   tools/box/libvirt/pack.sh WORK_DIRECTORY ARCH
# Works on files alone, without loop devices or mounts: it runs in containers too, and leaves none behind.
set -euo pipefail
work=$1
disk=$work/disk.raw
grub=/usr/lib/grub/i386-pc
# The partition begins at 1 MiB, as partitioning tools do it: GRUB lives in the gap before it.
start_mib=1
size_gib=$(sed -n 's/.*"virtual_size": *\([0-9]*\).*/\1/p' "$work/metadata.json")

truncate -s "${size_gib}G" "$disk"
printf 'label: dos\nstart=%sMiB, type=83, bootable\n' "$start_mib" | sfdisk --quiet "$disk"
# Without two features that GRUB or the machine's own e2fsck may be too old for; with its tables written now,
# which otherwise every machine does in the background after its first boot.
mkfs.ext4 -q -L taskyard -O ^metadata_csum_seed,^orphan_file -d "$work/rootfs" \
  -E "offset=$((start_mib * 1024 * 1024)),lazy_itable_init=0,lazy_journal_init=0" \
  "$disk" "$(((size_gib * 1024 - start_mib) * 1024))k"

# GRUB as grub-install puts it there: boot.img into the first sector, in front of the partition table, and the
# core image, which boot.img loads from the second sector on, behind it.
grub-mkimage --format=i386-pc --output="$work/core.img" --prefix='(hd0,msdos1)/boot/grub' \
  biosdisk part_msdos ext2 normal linux
dd if="$grub/boot.img" of="$disk" bs=440 count=1 conv=notrunc status=none
dd if="$work/core.img" of="$disk" bs=512 seek=1 conv=notrunc status=none

# A .box is a tar of these two.
qemu-img convert -f raw -O qcow2 -c -o compression_type=zstd "$disk" "$work/box.img"
tar -C "$work" -cf "$work/package.box" metadata.json box.img
rm "$disk" "$work/core.img" "$work/box.img"
