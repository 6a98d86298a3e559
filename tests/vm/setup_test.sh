# fcvm setup for real, as root: what it makes, booted; forced, killed and resumed. Needs the Debian
# mirror that apt uses.
. "$(dirname "$0")/../support/assert.sh"
[ "$(id -u)" -eq 0 ] || { echo "vm tests have to be run as root" >&2; exit 1; }

shared=$FCVM_BUILD/tests/vm-data
guests=$shared/guests
nothing_left() { test -z "$(find "$1" -maxdepth 1 -name '.tmp-*')"; }
sound() { e2fsck -fn "$1/current/base.ext4" >/dev/null 2>&1; }
# wait_for SECONDS COMMAND...
wait_for() {
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    [ $SECONDS -lt $end ] || return 1
    sleep 0.2
  done
}

# As root, into the directory that the other tests of this tier use.
run env FCVM_DATA_DIR="$shared" "$FCVM" setup
check "root's setup succeeds" test "$rc" -eq 0
check "and leaves no work in progress" nothing_left "$guests"
check "its root file system is sound" sound "$guests"
check "a manifest tells what is in it" test "$(jq -r '.packages | has("podman")' "$guests/current/guest.json")" = true
check "with the digest of each file" test "$(jq -r '.files.initrd.sha256' "$guests/current/guest.json")" = "$(sha256sum <"$guests/current/initrd" | cut -d ' ' -f 1)"
check "vmlinux is an ELF file" test "$(head -c 4 "$guests/current/vmlinux" | tail -c 3)" = ELF
check "the initrd begins with the agent's modules listed" contains "$(cpio -i --to-stdout --quiet modules/order <"$guests/current/initrd")" virtio_blk.ko
SECONDS=0
run env FCVM_DATA_DIR="$shared" "$FCVM" setup --json
check "a second run makes nothing" test "$(jq -r .made <<<"$out")" = false
check "and takes no time" test $SECONDS -le 3

# It boots, to the agent.
qemu-system-x86_64 -M q35 -accel tcg -m 512 -nodefaults -display none -no-reboot \
  -kernel "$guests/current/vmlinuz" -initrd "$guests/current/initrd" \
  -append 'console=ttyS0 panic=-1' -serial "file:$scratch/console" \
  -drive "file=$guests/current/base.ext4,if=virtio,format=raw,readonly=on" </dev/null &
qemu=$!
check "the kernel starts the agent" wait_for 120 grep -qs 'fc-agent: ready' "$scratch/console"
check "with the driver of its disks" grep -q 'virtio_blk.*vda' "$scratch/console"
kill -KILL $qemu
wait $qemu 2>/dev/null

# --force makes all again; killed in the middle, whoever waited takes over. VMs keep what they have.
before=$(readlink "$guests/current")
FCVM_DATA_DIR=$shared "$FCVM" setup --force >"$scratch/a" 2>&1 &
first=$!
check "a forced setup begins" wait_for 30 grep -qs 'root file system: Debian' "$scratch/a"
FCVM_DATA_DIR=$shared "$FCVM" setup >"$scratch/b" 2>&1 &
second=$!
check "another one waits, and says for whom" wait_for 30 grep -qs "process $first" "$scratch/b"
check "mmdebstrap is at work" wait_for 60 grep -qs 'downloading' "$guests/setup.log"
kill -KILL $first
wait $first 2>/dev/null
check "the guest of before stays meanwhile" test -e "$guests/current/base.ext4"
wait $second
rc=$? out=$(cat "$scratch/b") err=
check "the one that waited takes over" test "$rc" -eq 0
check "and makes what the killed one had not" contains "$out" "root file system: made"
check "the guest of before is still there" test -e "$guests/$before/base.ext4"
[ "$before" = "$(readlink "$guests/current")" ] || rm -rf "${guests:?}/$before"
check "the new one is sound" sound "$guests"
check "of the killed one nothing is left" nothing_left "$guests"
check "nor a process" test -z "$(pgrep -f "$guests/.tmp-")"

finish
