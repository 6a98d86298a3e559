# What does not run is never taken for passed: by a test program, and by CI.
. "$(dirname "$0")/../support/assert.sh"

# Where an ordinary user can reach it.
chmod 711 "$scratch"
program=$scratch/unit_core_base
cp "$FCVM_BUILD/tests/unit_core_base" "$program"
as_user=()
[ "$(id -u)" -ne 0 ] || as_user=(setpriv --reuid 65534 --regid 65534 --clear-groups)
run env HOME=/ TMPDIR=/tmp "${as_user[@]}" "$program" 'the identity changes*'
check "a program of which a test was skipped says 77" test "$rc" -eq 77
check "which, and why" contains "$out" "skipped: the identity changes, with its groups: needs root"

judge() { run "$FCVM_SOURCE/tests/support/check_skipped.sh" "$scratch/allowed" "$scratch/log"; }
cat >"$scratch/log" <<'END'
1/3 Testing: unit/one
1/3 Test: unit/one
skipped: a case: needs the moon
2/3 Testing: unit/two
all is well
END
echo 'unit/two: needs the moon # it is far' >"$scratch/allowed"
judge
check "what may not be skipped fails" test "$rc" -eq 1
check "and is named" contains "$err" "unit/one: skipped: a case: needs the moon"
echo 'unit/one: needs the moon # it is far' >"$scratch/allowed"
judge
check "what may be does not" test "$rc:$err" = 0:
echo 'unit/one: needs the sun # it is hot' >"$scratch/allowed"
judge
check "nor for another reason" test "$rc" -eq 1
check "each line of what may be has its reason" test -z \
  "$(grep -v '^#' "$FCVM_SOURCE/tests/may_be_skipped.txt" | grep -v '^[a-z/_-]*: .* # .')"
finish
