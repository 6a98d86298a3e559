# A host's disk that is full: the VM that writes to it is paused, says so, and goes on when there is room.
. "$(dirname "$0")/machine.sh"
[ "$(id -u)" -eq 0 ] || { echo "this test has to be run as root, to mount a small disk" >&2; exit 1; }

shared=$FCVM_DATA_DIR
export FCVM_DATA_DIR=$scratch/data
cleanup() {
  "$FCVM" rm --force --all >/dev/null 2>&1
  mountpoint -q "$FCVM_DATA_DIR" && umount "$FCVM_DATA_DIR"
  rm -rf "$scratch"
}
trap cleanup EXIT
mkdir "$FCVM_DATA_DIR"
truncate -s 1700M "$scratch/disk"
mke2fs -q -F -t ext4 -m 0 "$scratch/disk"
mount -o loop "$scratch/disk" "$FCVM_DATA_DIR" || { echo "there are no loop devices" >&2; exit 77; }
fallocate -l 1000M "$FCVM_DATA_DIR/ballast"
ln -s "$shared/guests" "$FCVM_DATA_DIR/guests"
state() { "$FCVM" ls -a --format '{{.Status}}' --filter "name=$1"; }
is_waiting() { [ "$(state "$1")" = "Paused (no room on the host's disk)" ]; }
is_up() { state "$1" | grep -q '^Up '; }

# Zeros would take no room: QEMU leaves holes for them.
full=$(named full)
run vm -d --name "$full" --rootfs-size 4G fcvm/hello sh -c \
  'tr "\0" x </dev/zero | head -c 8388608 >/block
   for i in $(seq 112); do cat /block || exit; done >/big && sync && echo written; exec sleep 1000'
check "a VM starts on a small disk" test "$rc" -eq 0
check "it is paused before the disk is full" wait_for 120 is_waiting "$full"
check "there is some room left" test "$(stat -f -c %a "$FCVM_DATA_DIR")" -gt 0
run "$FCVM" inspect --format '{{.State.Status}}' "$full"
check "inspect says that it is paused" test "$out" = paused
run "$FCVM" events --stream=false --filter event=disk-full --json
check "an event tells of it" contains "$out" "the host's disk is full, and VM $full writes to it"
check "its log says what to do" contains "$(cat "$FCVM_DATA_DIR"/vms/*/fcvm.log)" "Make room in the file system of"
run vm --rm --name "$(named late)" fcvm/hello true
check "another VM is not started" test "$rc" -eq 125
check "and says why" contains "$err" "is not started"
check "and what to look at" contains "$err" "fcvm system df"
rm "$FCVM_DATA_DIR/ballast"
check "with more room it goes on by itself" wait_for 60 is_up "$full"
written() { "$FCVM" logs "$full" | grep -q written; }
check "and has lost nothing" wait_for 120 written
run "$FCVM" exec "$full" sh -c 'wc -c </big'
check "of what it wrote" test "$out" -eq $((896 << 20))
run "$FCVM" rm -f "$full"
check "it is removed" test "$rc" -eq 0
check "nothing is left" nothing_left "$full"
finish
