# scenario: the first container: what it says, and that nothing of it is left
. "$(dirname "$0")/../machine.sh"

hello=$(named hello)
run vm --rm --name "$hello" fcvm/hello
check "fcvm/hello greets" contains "$out" "Hello from fcvm"
check "from the guest's kernel" contains "$out" \
  "$(jq -r .kernel.version "$FCVM_DATA_DIR/guests/current/guest.json")"
check "on the VMM that was asked for" contains "$out" "VMM        $FCVM_RUN_VMM"
case $FCVM_RUN_VMM in
  qemu) check "with KVM" grep -q 'VMM  .* kvm$' <<<"$out" ;;
esac
check "with its own host name" contains "$out" "$hello"
check "exit code 0" test "$rc" -eq 0
check "and nothing of fcvm's own on stderr" test -z "$err"
check "nothing is left of it" nothing_left "$hello"
finish
