# tests/vm/rig from the outside, without booting anything: what it refuses, and when it skips.
. "$(dirname "$0")/../support/assert.sh"
rig=$FCVM_SOURCE/tests/vm/rig
unset FCVM_TEST_FIRECRACKER

run "$rig" ls
check "ls lists the scenarios" test "$rc" -eq 0
check "each with what it shows" test -z "$(grep -v '^[a-z-]*  *[a-z].*' <<<"$out")"
check "all of them" test "$(wc -l <<<"$out")" -eq "$(ls "$FCVM_SOURCE"/tests/vm/scenarios/*.sh | wc -l)"
run "$rig" run first --vmm firecracker
check "without a Firecracker its scenarios are skipped" test "$rc" -eq 77
check "and that is said" contains "$err" "FCVM_TEST_FIRECRACKER"
run env FCVM_TEST_FIRECRACKER=/no/such "$rig" run first --vmm firecracker
check "one that is not there is an error" test "$rc" -eq 125
check "which names it" contains "$err" /no/such
run "$rig" run no-such-scenario
check "an unknown scenario is refused" test "$rc" -eq 125
check "and the known ones are named" contains "$err" first
run "$rig" run
check "so is none" contains "$err" "which scenario?"
run "$rig" run first --vmm xen
check "so is an unknown VMM" contains "$err" "qemu or firecracker"
run "$rig" run first --mem=lots
check "so is a bad number" contains "$err" "--mem lots"
run "$rig" run first --cpus
check "so is an option without its value" contains "$err" "--cpus needs a value"
run "$rig" run first --frobnicate
check "so is an unknown option" contains "$err" "--frobnicate"
run env FCVM_BUILD="$scratch" "$rig" run first
check "a build that is not there is an error" test "$rc" -eq 125
check "with a remedy" contains "$err" "cmake --build"
run "$rig" frobnicate
check "an unknown word shows the usage" contains "$err" "tests/vm/rig run"
finish
