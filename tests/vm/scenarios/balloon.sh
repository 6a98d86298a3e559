# scenario: a balloon takes memory from the guest, as the guest reports, and gives it back
. "$(dirname "$0")/../machine.sh"
. "$(dirname "$0")/driver.bash"

run driver start "$vms/one" hello balloon 64 hello balloon 0 status kill
check "the guest gives memory, and lives on with less" test "$rc" -eq 0
check "as much as it was asked for" test "$(told balloon 0 .actual)" -eq $((64 << 20))
check "and has it back" test "$(told status 0 .balloon)" -eq 0
run driver start "$vms/two" fails balloon 256 kill
check "all of its memory is refused" test "$rc" -eq 0
check "with the VM's size" contains "$out" "256 MiB"
finish
