#!/usr/bin/env bash
# enter.sh ROOT SOURCE CCACHE COMMAND...: makes ROOT this mount namespace's root, read-only, with SOURCE
# at /src and everything else that can be written in memory; then COMMAND in /src. To be called in
# mount, process and network namespaces of its own.
set -euo pipefail
root=$1 source=$2 ccache=$3
shift 3

mount --make-rprivate /
mount --bind "$root" "$root"
mount --bind "$source" "$root/src"
mount --bind "$ccache" "$root/ccache"
mount --rbind /dev "$root/dev"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount --rbind /sys/fs/cgroup "$root/sys/fs/cgroup"
for each in run root; do mount -t tmpfs -o mode=755 tmpfs "$root/$each"; done
for each in tmp var/tmp dev/shm; do mount -t tmpfs -o mode=1777 tmpfs "$root/$each"; done
# A test that writes anywhere else fails.
mount -o remount,bind,ro "$root"

# A chroot alone could make no user namespace.
cd "$root"
pivot_root . tmp
exec chroot . /bin/bash -c 'set -e; umount -l /tmp; cd /src; exec "$@"' bash \
  env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 CCACHE_DIR=/ccache ${CI:+"CI=$CI"} "$@"
