#!/bin/bash
# PID 1 of the rig's machine, from its root on: makes it a KVM host, runs the scenarios that the
# kernel's command line names, sends back what they said, and ends it.
set -u
export PATH=/rig/build/bin:/rig/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8

parameter() { tr ' ' '\n' </proc/cmdline | sed -n "s/^$1=//p"; }
# The device of the virtio-serial port with this name.
port() {
  local file
  for file in /sys/class/virtio-ports/*/name; do
    if [ "$(cat "$file")" = "$1" ]; then basename "$(dirname "$file")"; fi
  done
}

prepare() {
  mount -t tmpfs -o mode=0755 tmpfs /run
  mount -t tmpfs -o mode=1777 tmpfs /tmp
  mkdir -p /dev/pts /dev/shm /var/lib/fcvm
  mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /dev/pts
  mount -t tmpfs -o mode=1777 tmpfs /dev/shm
  mount -t cgroup2 cgroup2 /sys/fs/cgroup
  mount -t ext4 -o noatime /dev/vdd /var/lib/fcvm
  mkdir -p /var/lib/fcvm/guests /var/lib/fcvm/tmp
  mount -t ext4 -o ro,noload /dev/vdc /var/lib/fcvm/guests
  ln -sfn /proc/self/fd /dev/fd
  hostname rig
  ip link set lo up
  modprobe -a kvm_amd tun vhost_vsock vsock_loopback
}

# Root's VMs have theirs in /fcvm, where limits are possible, and not below the scenario's.
left_cgroups() { find "$1" /sys/fs/cgroup/fcvm -mindepth 1 -type d 2>/dev/null; }

# What a scenario leaves running is a failure of its own, and must not disturb the next.
run_one() {
  local group=/sys/fs/cgroup/$1 rc begin=$SECONDS
  mkdir -p "$group"
  echo "== $1"
  (
    echo $BASHPID >"$group/cgroup.procs"
    exec timeout -k 5 300 bash "/rig/tests/vm/scenarios/$1.sh"
  ) </dev/null
  rc=$?
  # The last of its processes may still be ending.
  for _ in $(seq 50); do
    grep -q 'populated 0' "$group/cgroup.events" && break
    sleep 0.1
  done
  if [ $rc -ne 77 ] && ! grep -q 'populated 0' "$group/cgroup.events"; then
    echo "FAILED: these were left running:"
    for pid in $(find "$group" -name cgroup.procs -exec cat {} +); do tr '\0' ' ' <"/proc/$pid/cmdline" | cut -c1-160; echo; done
    echo 1 >"$group/cgroup.kill"
    [ $rc -ne 0 ] || rc=1
  elif [ $rc -eq 0 ] && [ -n "$(left_cgroups "$group")" ]; then
    echo "FAILED: cgroups were left: $(left_cgroups "$group")"
    rc=1
  fi
  case $rc in
    0) echo "== $1: passed ($((SECONDS - begin)) s)" ;;
    77) echo "== $1: skipped" ;;
    *) echo "== $1: FAILED with $rc ($((SECONDS - begin)) s)" ;;
  esac
  return $rc
}

# Leaves the exit code of them all in /run/result: the first failure's, or 77 when all were skipped.
run_all() {
  local name rc result=77 tries
  echo "the machine is up after $(cut -d ' ' -f 1 /proc/uptime) s"
  for name in $(parameter rig.run | tr ',' ' '); do
    tries=$(parameter rig.tries)
    while :; do
      run_one "$name"
      rc=$?
      tries=$((tries - 1))
      [ $rc -ne 0 ] && [ $rc -ne 77 ] && [ $tries -gt 0 ] || break
      echo "== $name: again, for the emulated CPU may have failed"
    done
    case $rc in
      0) [ $result -ne 77 ] || result=0 ;;
      77) ;;
      *) [ $result -ne 77 ] && [ $result -ne 0 ] || result=$rc ;;
    esac
  done
  echo $result >/run/result
}

send_logs() {
  dmesg >/run/dmesg.log
  cd /
  find run/dmesg.log var/lib/fcvm/events.jsonl var/lib/fcvm/vms -type f -size -20M \
    ! -name '*.img' ! -name 'memory*' -print0 2>/dev/null |
    tar --null -T - -cf "/dev/$(port logs)" --ignore-failed-read 2>/dev/null
}

prepare
# On the disk, since a snapshot is as large as a VM's memory.
export TMPDIR=/var/lib/fcvm/tmp
export FCVM_BUILD=/rig/build FCVM_SOURCE=/rig FCVM_DATA_DIR=/var/lib/fcvm
FCVM_RUN_VMM=$(parameter rig.vmm)
export FCVM_RUN_VMM FCVM_RUN_NETWORK=none
# The stand-in for Firecracker opens what no Firecracker does, and changes its network's links.
if grep -aqs "the fake's serial console" /rig/bin/firecracker; then export FCVM_JAIL_ENABLED=false; fi
if [ -e /dev/hvc0 ]; then
  echo "This is the machine. fcvm is in PATH; bash /rig/tests/vm/scenarios/NAME.sh runs a scenario." >/dev/hvc0
  size=$(parameter rig.terminal)
  [ -z "$size" ] || stty rows "${size%,*}" cols "${size#*,}" </dev/hvc0
  TERM=vt100 setsid -c bash -i </dev/hvc0 >/dev/hvc0 2>&1
else
  run_all 2>&1 | cat >"/dev/$(port output)"
  cp /run/result "/dev/$(port result)"
fi
send_logs
sync
echo o >/proc/sysrq-trigger
sleep 10
