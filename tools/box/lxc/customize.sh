#!/bin/sh
# Turns the Debian in directory $1 into a system container: it has no devices, consoles or disks of its own.
set -eu
systemctl --quiet --root="$1" mask \
  systemd-udevd.service systemd-udev-trigger.service systemd-udevd-kernel.socket systemd-udevd-control.socket \
  systemd-modules-load.service getty@.service getty-static.service console-getty.service container-getty@.service \
  e2scrub_all.timer e2scrub_reap.service fstrim.timer
