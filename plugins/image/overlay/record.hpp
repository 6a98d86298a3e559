// What the builder VM records beside the image, so that the agent of a VM can start a container
// without podman. agent/container/fast/README.md says what becomes of it.
#pragma once

namespace fcvm::overlay {

/// For the shell, with the store at $store. podman makes a container of the only image, as it would
/// in a VM, and what it made is kept in $store/fcvm-start:
///
///   storage.conf, containers.conf, programs   for what it is good
///   config.json, conmon    of the start itself, by a conmon that only takes notes
///   files/                 everything else, where it belongs
///
/// An image of which podman cannot make a container has none, and its VMs are left to podman.
inline constexpr const char* kRecord = R"sh(export store
sh -e >&2 <<'RECORD' || rm -rf "$store/fcvm-start"
storage=/var/lib/containers/storage at=/run/fcvm/store/0 out=$store/fcvm-start
rm -rf /run/libpod /run/containers /dev/shm/libpod_lock
mkdir -p "$at"
mount --bind "$store" "$at"
mount -o remount,bind,ro "$at"
sed -i 's|^\[storage.options.overlay\]$|[storage.options]\nadditionalimagestores = ["/run/fcvm/store/0"]\n&|' \
  /etc/containers/storage.conf
image=$(ls "$store/overlay-images" | grep -xE '[0-9a-f]{64}')
create() {
  podman --log-level=error create --pull=never --pidfile=/run/fcvm/container/pid --name=fcvm-start "$@"
}
create "$image" || create "$image" /fcvm/no-command
umount "$storage/overlay" 2>/dev/null || true
mkdir -p "$out/files/var/lib/containers" "$out/files/run" "$out/files/dev/shm"
cp -a "$storage" "$out/files/var/lib/containers/"
cp -a /run/containers /run/libpod "$out/files/run/"
cp -a /dev/shm/libpod_lock "$out/files/dev/shm/"
cp /etc/containers/storage.conf /etc/containers/containers.conf "$out/"
head -q -c 4096 /usr/bin/podman /usr/bin/conmon /usr/bin/crun >"$out/programs"
cat >/run/fcvm/conmon <<'END'
#!/bin/sh
[ "$1" != --version ] || exec /usr/bin/conmon --version
out=/run/fcvm/building/fcvm-start
for word; do printf '%s\n' "$word"; done >"$out/conmon"
while [ "$1" != -b ]; do shift; done
cp "$2/config.json" "$out/config.json"
# crun keeps the seccomp filters that it has compiled.
if crun --root /run/fcvm/crun create --bundle "$2" fcvm-start; then
  crun --root /run/fcvm/crun delete -f fcvm-start
  mkdir -p "$out/files/run/crun"
  cp -a /run/fcvm/crun/.cache "$out/files/run/crun/"
fi
exit 1
END
chmod +x /run/fcvm/conmon
printf '[engine]\nconmon_path = ["/run/fcvm/conmon"]\n' >/run/fcvm/conmon.conf
CONTAINERS_CONF_OVERRIDE=/run/fcvm/conmon.conf podman --log-level=error init fcvm-start || true
test -s "$out/config.json"
RECORD
umount /var/lib/containers/storage/overlay/*/merged /var/lib/containers/storage/overlay /run/fcvm/store/0 2>/dev/null || true
)sh";

}  // namespace fcvm::overlay
