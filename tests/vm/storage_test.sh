# fcvm setup --storage: a file system with reflinks over the data directory, and none again.
. "$(dirname "$0")/../support/assert.sh"
[ "$(id -u)" -eq 0 ] || { echo "vm tests have to be run as root" >&2; exit 1; }

export FCVM_DATA_DIR=$scratch/data
cleanup() {
  mountpoint -q "$FCVM_DATA_DIR" && umount "$FCVM_DATA_DIR"
  rm -rf "$scratch"
}
trap cleanup EXIT
verdict() { "$FCVM" doctor --json | jq -r ".checks[] | select(.name == \"$1\") | .verdict"; }
mkdir "$FCVM_DATA_DIR"
cp -a --sparse=always "$FCVM_BUILD/tests/vm-data/guests" "$FCVM_DATA_DIR/"

run "$FCVM" setup --storage btrfs 2G
check "a file system is made and mounted" mountpoint -q "$FCVM_DATA_DIR"
check "with the guests in it" contains "$out" "was there already"
check "and reflinks" test "$(verdict reflink)" = pass
check "the guest is found" test "$(verdict guest)" = pass
run "$FCVM" setup --storage btrfs 2G
check "a second time nothing happens" test "$rc" -eq 0
run "$FCVM" setup --storage none
check "none unmounts it" test "$(stat -c %d "$FCVM_DATA_DIR")" = "$(stat -c %d "$scratch")"
check "and keeps the file" test -f "$FCVM_DATA_DIR.img"
run "$FCVM" setup --storage btrfs
check "which is mounted again, as after a reboot" contains "$out" "was there already"
"$FCVM" setup --storage none
rm "$FCVM_DATA_DIR.img"
mkdir -p "$FCVM_DATA_DIR/vms"
run "$FCVM" setup --storage btrfs 2G
check "a directory with VMs is refused" test "$rc" -eq 125
check "and kept as it is" test ! -e "$FCVM_DATA_DIR.img"
check "no loop device is left" test -z "$(losetup -j "$FCVM_DATA_DIR.img")"
finish
