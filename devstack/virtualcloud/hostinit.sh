#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The first program inside a host: replaces the machine's disks in /sys and /proc by the host's, then executes the
# host's init or installer.
# hostinit.sh VIEW PROGRAM [ARGUMENT...]
# VIEW holds sys/{block,class/block,dev/block,devices} and proc/* as disks.py wrote them.
set -eu
view=$1
shift
# The initial ramdisk of a system with OSTree leaves this mark.
[ ! -d /sysroot/ostree ] || : > /run/ostree-booted
kept=/dev/.machine
mkdir "$kept"

# Hide all block devices of the machine, wherever they are in the tree of devices.
for link in /sys/class/block/*; do
    [ -e "$link" ] || continue
    folder=$(readlink -f "$link")
    case ${folder%/*} in */block) folder=${folder%/*} ;; esac
    [ -n "$(ls "$folder")" ] && mount -t tmpfs -o ro,nr_inodes=2 none "$folder"
done
for folder in /sys/class/bdi /sys/devices/virtual/bdi /sys/fs/*; do
    case $folder in */cgroup | */selinux | */bpf) continue ;; esac
    [ ! -d "$folder" ] || mount -t tmpfs -o ro,nr_inodes=2 none "$folder"
done

# sysfs does not allow new folders: build the tree of devices again, with the host's own controller in it.
mount --rbind /sys/devices "$kept"
mount --make-rprivate "$kept"
mount -t tmpfs -o mode=755 none /sys/devices
for folder in "$kept"/* "$view"/sys/devices/*; do
    mkdir "/sys/devices/${folder##*/}"
    mount --rbind "$folder" "/sys/devices/${folder##*/}"
done
mount -o remount,ro /sys/devices
umount -l "$kept"
rmdir "$kept"

for folder in block class/block dev/block; do
    mount --bind "$view/sys/$folder" "/sys/$folder"
done
for file in "$view"/proc/*; do
    [ ! -e "/proc/${file##*/}" ] || mount --bind "$file" "/proc/${file##*/}"
done
exec "$@"
