# Snapshots of a real guest, through the qemu plugin's verbs: the guest that the clones have is the
# one that was saved, its agent's listener answers again, and nobody changes the snapshot.
. "$(dirname "$0")/machine.sh"

guest=$FCVM_DATA_DIR/guests/current
vms=$scratch/vms
snap=$scratch/snap
driver() {
  "$FCVM_BUILD/tests/vmm_driver" --plugin "$FCVM_BUILD/lib/fcvm/plugins/vmm.qemu.so" \
    --kernel "$guest/vmlinuz" --initrd "$guest/initrd" --append 'quiet panic=-1' \
    --disk "base=$guest/base.ext4:ro" --disk "disk=$scratch/disk.img" --memory 256 --seconds 240 "$@"
}
truncate -s 64M "$scratch/disk.img"
# told VERB NUMBER FILTER: what jq finds in the NUMBERth line of this verb.
told() { jq -rs "[.[] | select(.verb == \"$1\")][$2] | $3" <<<"$out"; }

run driver start "$vms/source" hello fails snapshot "$snap" pause snapshot "$snap" resume hello pause
check "a running VM is not snapshotted, a paused one is" test "$rc" -eq 0
sum=$(sha256sum "$snap/memory")
instance=$(told hello 0 .instance)
check "after the snapshot it goes on" test "$(told hello 1 .instance)" = "$instance"
check "memory has the VM's size" test "$(stat -c %s "$snap/memory")" -eq $((256 << 20))
check "and takes less room" test "$(du -k "$snap/memory" | cut -f1)" -lt $((200 << 10))
check "the device state is small" test "$(stat -c %s "$snap/state")" -lt $((4 << 20))
check "the writable disk is in it" test -e "$snap/disk.img"

chmod 0400 "$snap/memory"
run driver restore "$snap" "$vms/one" hello restore-paused "$snap" "$vms/two" resume hello \
  balloon 64 pause snapshot "$scratch/second" kill restore "$scratch/second" "$vms/three" hello status
check "two clones live at once, one has a balloon and a snapshot of its own" test "$rc" -eq 0
for clone in 0 1 2; do
  check "clone $clone is the guest that was saved" test "$(told hello "$clone" .instance)" = "$instance"
done
check "its figures come from the guest" test "$(told balloon 0 .guest_reports)" = true
check "the clone of the clone has its balloon" test "$(told status 0 .balloon)" -eq $((64 << 20))
check "the snapshot is as it was" test "$(sha256sum "$snap/memory")" = "$sum"

run driver clone memory.file "$snap" "$vms/mapped" hello record kill
check "memory.file feeds a clone" test "$rc" -eq 0
check "which is that guest too" test "$(told hello 0 .instance)" = "$instance"
check "and records what it used" test "$(stat -c %s "$snap/working-set")" -gt $((256 << 5))
run driver clone memory.file "$snap" "$vms/mapped2" hello status
check "the next one finds that in the page cache" test "$(told status 0 .bytes_prefetched)" -gt $((1 << 20))
rm "$snap/working-set"

# With a page server: one clone after another, and two at once, of which one has a balloon.
if [ "$(id -u)" -eq 0 ]; then
  run driver clone memory.uffd "$snap" "$vms/served" hello status record \
    clone memory.uffd "$snap" "$vms/served2" hello status balloon 64 hello pause snapshot "$scratch/third"
  check "memory.uffd feeds two clones" test "$rc" -eq 0
  check "which are that guest too" test "$(told hello 0 .instance),$(told hello 1 .instance)" = "$instance,$instance"
  faults=$(told status 0 .faults)
  check "page by page" test "$faults" -gt 100
  check "the second misses few of them: $(told status 1 .faults) of $faults" \
    test "$(told status 1 .faults)" -lt $((faults / 4))
  check "with a balloon it is still that guest" test "$(told hello 2 .instance)" = "$instance"
  rm "$snap/working-set"
  run driver restore "$scratch/third" "$vms/fourth" hello
  check "and its snapshot is one" test "$(told hello 0 .instance)" = "$instance"
fi

sed 's/^QEMU=.*/QEMU=1.2.3/' "$snap/state" >"$scratch/second/state"
run driver restore "$scratch/second" "$vms/other"
check "another version's snapshot is refused" test "$rc" -eq 1
check "with both versions" contains "$out" "made by QEMU 1.2.3, and this is"
run driver --cpus 2 restore "$snap" "$vms/wider"
check "so is another VM's" contains "$out" 'CPUs \"1\"'
nobody_in() { ! ls -l /proc/[0-9]*/cwd 2>/dev/null | grep -q -- "-> $1"; }
check "no QEMU is left" nobody_in "$vms"
finish
