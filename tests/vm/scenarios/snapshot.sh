# scenario: a full snapshot, loaded by private mapping and from a page server; the agent answers again
. "$(dirname "$0")/../machine.sh"
. "$(dirname "$0")/driver.bash"

run driver start "$vms/source" hello fails snapshot "$snap" pause snapshot "$snap" resume hello kill
check "a paused VM is snapshotted, and goes on" test "$rc" -eq 0
check "a running one is not" contains "$(told snapshot 0 .error)" running
instance=$(told hello 0 .instance)
check "the guest is the same after it" test "$(told hello 1 .instance)" = "$instance"
check "memory has the VM's size" test "$(stat -c %s "$snap/memory")" -eq $((256 << 20))
sum=$(sha256sum "$snap/memory")

chmod 0400 "$snap/memory"
run driver restore "$snap" "$vms/one" hello restore-paused "$snap" "$vms/two" resume hello kill
check "two clones live at once" test "$rc" -eq 0
for clone in 0 1; do
  check "clone $clone is the guest that was saved, and its agent answers" \
    test "$(told hello "$clone" .instance)" = "$instance"
done
run driver clone memory.uffd "$snap" "$vms/served" hello status kill
check "a page server feeds another" test "$rc" -eq 0
check "which is that guest too" test "$(told hello 0 .instance)" = "$instance"
check "page by page" test "$(told status 0 .faults)" -gt 20
check "the snapshot is as it was" test "$(sha256sum "$snap/memory")" = "$sum"
finish
