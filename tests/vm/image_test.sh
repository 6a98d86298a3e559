# Images: unpacked once, in a builder VM, and used in all modes by every VM.
. "$(dirname "$0")/machine.sh"

# A cache of its own over the shared guests.
shared=$FCVM_DATA_DIR
export FCVM_DATA_DIR=$scratch/data
mkdir -p "$FCVM_DATA_DIR"
ln -s "$shared/guests" "$FCVM_DATA_DIR/guests"
stores=$FCVM_DATA_DIR/images/image.overlay
builders() { ls "$FCVM_DATA_DIR/builds" 2>/dev/null | wc -l; }
allocated() { echo $(($(stat -c %b "$1") / 2)); }

# What is hard to unpack: two layers, with a file and a directory hidden, an opaque directory, owners,
# modes, links, holes, attributes, a device, odd names.
make_image() {
  local root=$scratch/image id
  mkdir -p "$root/one/bin" "$root/one/gone" "$root/one/veil" "$root/two/veil" "$root/two/etc"
  # shellcheck disable=SC2012  # a guest that was made anew has left the one before
  cp "$(ls -t "$shared"/guests/rootfs-*/busybox | head -n 1)" "$root/one/bin/busybox"
  for id in sh cat ls stat sha256sum find sort getfattr sleep id mount touch dd; do ln -s busybox "$root/one/bin/$id"; done
  echo secret >"$root/one/gone/file"
  echo below >"$root/one/veil/below"
  echo old >"$root/one/changed"
  echo new >"$root/two/changed"
  echo above >"$root/two/veil/above"
  touch "$root/two/.wh.gone" "$root/two/veil/.wh..wh..opq"
  echo 'root:x:0:0::/:/bin/sh' >"$root/two/etc/passwd"
  install -m 4755 /dev/null "$root/two/setuid"
  install -m 0640 -o 1234 -g 4321 /dev/null "$root/two/owned"
  ln "$root/two/changed" "$root/two/hard link"
  truncate -s 3M "$root/two/sparse"
  mknod "$root/two/null" c 1 3
  printf 'x' >"$root/two/odd
name "
  python3 - "$root/two" <<'END'
import os, sys
os.setxattr(sys.argv[1] + "/owned", "user.note", b"note-1")
# cap_net_raw, permitted and effective, as a file has it (version 2).
os.setxattr(sys.argv[1] + "/setuid", "security.capability", bytes.fromhex("0100000200200000" + 24 * "0"))
END
  for id in one two; do
    tar -C "$root/$id" --xattrs --xattrs-include='*' --format=pax -cf "$root/$id.tar" .
  done
  local one two config
  one=$(sha256sum <"$root/one.tar" | cut -d ' ' -f 1)
  two=$(sha256sum <"$root/two.tar" | cut -d ' ' -f 1)
  config='{"architecture":"amd64","os":"linux","config":{"Cmd":["/bin/sh"],"Env":["PATH=/bin"],"ExposedPorts":{"7000/tcp":{},"7001/udp":{}}},"rootfs":{"type":"layers","diff_ids":["sha256:'$one'","sha256:'$two'"]}}'
  printf '%s' "$config" >"$root/config.json"
  printf '[{"Config":"config.json","RepoTags":["example.org/hard:1"],"Layers":["one.tar","two.tar"]}]' >"$root/manifest.json"
  tar -C "$root" -cf "$scratch/hard.tar" manifest.json config.json one.tar two.tar
}

hello=$(named hello)
run vm --rm --name "$hello" fcvm/hello
check "the first run greets" contains "$out" "Hello from fcvm"
check "and says what it unpacks" contains "$err" "once for all VMs"
store=$(ls "$stores"/*.ext4)
check "its store is read-only" test "$(stat -c %a "$store")" = 444
check "and small" test "$(allocated "$store")" -lt 4096
check "its configuration is kept" test -s "${store%.ext4}.json"
check "its archive is not" test -z "$(ls "$stores"/*.tar 2>/dev/null)"
check "nothing is left of the builder" test "$(builders)" -eq 0
before=$(sha256sum "$store")
run vm --rm --name "$hello" --log-level debug fcvm/hello sh -c 'echo changed >/bin/hello; cat /bin/hello; exit 5'
check "a second run writes to its own layer" test "$out" = changed
check "with its exit code" test "$rc" -eq 5
check "and loads nothing" test -z "$(grep -E 's: load|unpack' <<<"$err")"
check "the store is as it was" test "$(sha256sum "$store")" = "$before"
check "nothing is left" nothing_left "$hello"

# The store is out of reach for whoever owns the guest.
root=$(named root)
run vm -d --name "$root" --privileged fcvm/hello sleep 600
run "$FCVM" exec --vm "$root" sh -c 'for disk in /dev/vd?; do
    [ "$(cat /sys/block/${disk#/dev/}/serial)" = image0 ] || continue
    cat /sys/block/${disk#/dev/}/ro; dd if=/dev/zero of=$disk bs=4k count=1 conv=fsync 2>/dev/null || echo refused; done'
check "the guest's root cannot write to it" test "$(tr '\n' ' ' <<<"$out")" = "1 refused "
run "$FCVM" exec --vm "$root" podman ps --format '{{.Image}} {{.Names}}'
check "podman in the guest knows the container" contains "$out" "$root"
run "$FCVM" exec --vm "$root" podman images --format '{{.ReadOnly}} {{.Repository}}'
check "and its image, which is read-only" test "$out" = "true localhost/fcvm/hello"
"$FCVM" rm -f "$root" >/dev/null
check "the store is still as it was" test "$(sha256sum "$store")" = "$before"

make_image
# In all modes the same files: modes, owners, sizes, contents, attributes.
# list MODE: leaves them in $scratch/MODE.list. In the mode archive the guest's podman unpacks it itself.
list() {
  local name
  name=$(named "$1")
  run vm -d --name "$name" --image-mode "$1" "docker-archive:$scratch/hard.tar" sleep 600
  check "an image that is hard to unpack runs by $1" test "$rc" -eq 0
  "$FCVM" exec --vm -i "$name" sh -s <"$FCVM_SOURCE/tests/vm/list_files.sh" >"$scratch/$1.list"
  check "its files by $1 are listed" test $? -eq 0
  "$FCVM" rm -f "$name" >/dev/null
}
list archive
list overlay
list btrfs
check "with owners" grep -q '^-rw-r----- 1234:4321 ' "$scratch/archive.list"
check "with attributes" grep -q '^./owned user.note=6e6f74652d31$' "$scratch/archive.list"
check "with capabilities" grep -q '^./setuid security.capability=' "$scratch/archive.list"
check "a store has the same" cmp "$scratch/archive.list" "$scratch/overlay.list"
# The root's own mode is the image's by podman's driver btrfs, and 0555 by the other.
below() { sed "/ '[.]'\$/d" "$scratch/$1.list"; }
check "and so has a btrfs of the VM's own" test "$(below archive)" = "$(below btrfs)"
check "without what a layer hides" test -z "$(grep -E 'gone|below' "$scratch/archive.list")"
run vm --rm --image-mode btrfs --rootfs-size 3G example.org/hard:1 /bin/busybox sh -c 'grep -c " / btrfs " /proc/mounts; df -m / | tail -n 1'
check "which is copied, and as large as --rootfs-size says" grep -Eq '^1 .* 30[0-9][0-9] ' <<<"$(tr '\n' ' ' <<<"$out")"
check "and made once" test "$(ls "$FCVM_DATA_DIR"/images/image.btrfs/*.btrfs | wc -l)" -eq 1

# Written to an archive again it is the same image.
run "$FCVM" save -q -o "$scratch/saved.tar" example.org/hard:1
check "an image is saved from its store" test "$rc" -eq 0
check "with its configuration and its name" test "$(tar -xOf "$scratch/saved.tar" manifest.json | jq -r '.[0] | .Config[:64] + " " + .RepoTags[0]')" = \
  "$(sha256sum <"$scratch/image/config.json" | cut -c1-64) example.org/hard:1"
check "and no builder is left" test "$(builders)" -eq 0

# Its exposed ports, those that -p does not have already.
exposed=$(named exposed)
run vm -d --network rootless --name "$exposed" -P -p 17.7.7.7:70:7001/udp "docker-archive:$scratch/hard.tar" sleep 600
check "a port of no host's address is refused with -P, too" contains "$err" "17.7.7.7"
run vm -d --network rootless --name "$exposed" -P "docker-archive:$scratch/hard.tar" sleep 600
check "-P publishes" test "$rc" -eq 0
run "$FCVM" port "$exposed"
check "each port that the image exposes" test "$(grep -oE '^[0-9]+/(tcp|udp)' <<<"$out" | sort -u | tr '\n' ' ')" = "7000/tcp 7001/udp "
"$FCVM" rm -f "$exposed" >/dev/null

# Of two at once one makes the store.
rm -f "$stores"/*
run bash -c '"$1" run --cpus 1 -m 512M --rm fcvm/hello true 2>"$2/one" & "$1" run --cpus 1 -m 512M --rm fcvm/hello true 2>"$2/two"; wait $!' \
  sh "$FCVM" "$scratch"
check "two first runs at once both run" test "$rc" -eq 0
check "one unpacked" test "$(cat "$scratch/one" "$scratch/two" | grep -c 'unpacking.*begun')" -eq 1
check "one store is there" test "$(ls "$stores"/*.ext4 | wc -l)" -eq 1
check "and no builder" test "$(builders)" -eq 0

# Killed in the middle of the building: the next one begins anew and leaves nothing.
rm -f "$stores"/*
"$FCVM" run --cpus 1 -m 512M --rm --name "$(named killed)" fcvm/hello true 2>/dev/null &
killed=$!
at_work() { ls "$FCVM_DATA_DIR"/builds/*/vmm/console.log; }
check "a builder is at work" wait_for 60 at_work
kill -9 "$killed"
wait "$killed" 2>/dev/null
check "its VMM went with it" wait_for 10 bash -c '! pgrep -f "$1/builds" >/dev/null' sh "$FCVM_DATA_DIR"
check "no store is there" test -z "$(ls "$stores"/*.ext4 2>/dev/null)"
run "$FCVM" gc
check "gc removes what is left of it" contains "$out" "a builder's leftovers are removed"
check "all of it" test "$(builders)" -eq 0
run vm --rm fcvm/hello true
check "the next run works" test "$rc" -eq 0
check "and leaves no work" test -z "$(ls -d "$stores"/work.* 2>/dev/null)"

# A damaged image never gets into a builder.
tar -C "$scratch/image" -xf "$scratch/hard.tar" -O two.tar | head -c 5000 >"$scratch/image/two.tar"
tar -C "$scratch/image" -cf "$scratch/bad.tar" manifest.json config.json one.tar two.tar
run vm --rm "docker-archive:$scratch/bad.tar" true
check "a damaged layer is refused" test "$rc" -eq 125
check "by what skopeo says" contains "$err" "the image is damaged"
check "and leaves no store" test "$(ls "$stores"/*.ext4 | wc -l)" -eq 1
check "nor a builder" test "$(builders)" -eq 0
check "nothing is left of all" nothing_left "$hello"
finish
