# A VMM that cannot work here is refused before anything is made, with what is wrong and what fixes it.
. "$(dirname "$0")/../support/assert.sh"

export FCVM_DATA_DIR="$scratch/data" FCVM_PATHS_RUNTIME_DIR="$scratch/run" FCVM_RUN_NETWORK=none
export FCVM_CONFIG_ROOT="$scratch/root"
mkdir -p "$FCVM_CONFIG_ROOT/etc/fcvm"

# firecracker BINARY: a run with this one.
firecracker() {
  printf '[plugin."vmm.firecracker"]\nbinary = "%s"\n' "$1" >"$FCVM_CONFIG_ROOT/etc/fcvm/fcvm.toml"
  run "$FCVM" run --vmm firecracker image
}
# fake VERSION: the fake of Firecracker 1.VERSION, as a program of its own.
fake() {
  printf '#!/bin/sh\nexec "%s" --fake %s:well "$@"\n' "$FCVM_BUILD/tests/fake_firecracker" "$1" \
    >"$scratch/firecracker-$1"
  chmod 755 "$scratch/firecracker-$1"
  echo "$scratch/firecracker-$1"
}
# refused WHAT MESSAGE REMEDY
refused() {
  check "$1 is refused" test "$rc" -eq 125
  check "$1 has its message" contains "$err" "the VMM firecracker does not work here: $2"
  check "$1 has its remedy" contains "$err" "to fix: $3"
  check "$1 leaves nothing" test -z "$(ls -A "$FCVM_DATA_DIR/vms" "$FCVM_PATHS_RUNTIME_DIR" 2>/dev/null | grep -v :)"
}

firecracker "$scratch/none"
refused "a binary that is not there" "$scratch/none is not a program" "install Firecracker"
firecracker "$(fake 9)"
refused "an old version" "$scratch/firecracker-9 is Firecracker 1.9.1, but" "install Firecracker 1.10"
firecracker /bin/echo
refused "another program" "asking /bin/echo for its version" "install Firecracker"
firecracker "$(fake 16)"
if [ ! -r /dev/kvm ] || ! grep -qwE 'vmx|svm' /proc/cpuinfo; then
  refused "a host without a KVM for stock guests" "" ""
  check "its message names the device" contains "$err" "/dev/kvm"
fi
run "$FCVM" run --vmm xen image
check "an unknown VMM is refused" test "$rc" -eq 125
check "by its name" contains "$err" '"xen"'
finish
