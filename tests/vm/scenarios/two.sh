# scenario: two VMs at once do not disturb each other, not even when one's fcvm is killed
. "$(dirname "$0")/../machine.sh"

one=$(named one) other=$(named other)
run_in_background() {
  "$FCVM" run --cpus 1 --memory 512M --name "$1" fcvm/hello sh -c "$2" >"$scratch/$1.out" 2>&1 &
}
run_in_background "$one" 'echo I am one; sleep 600'
doomed=$!
run_in_background "$other" 'echo I am the other; sleep 600'
healthy=$!
check "one runs" wait_for 180 running "$one"
check "the other runs as well" wait_for 180 running "$other"
check "one speaks" wait_for 60 grep -q one "$scratch/$one.out"
check "and so does the other" wait_for 60 grep -q other "$scratch/$other.out"
rc= out=$("$FCVM" ls) err=
check "ls shows both" test "$(grep -c -e "$one" -e "$other" <<<"$out")" -eq 2
check "each says its own" test "$(cat "$scratch/$one.out"; cat "$scratch/$other.out")" = \
  "$(printf 'I am one\nI am the other')"
vmm=$(vmm_of "$one")
kill -KILL $doomed
wait $doomed 2>/dev/null
check "the VMM of the killed one dies with it" wait_for 20 gone "$vmm"
check "the other runs on" running "$other"
run "$FCVM" gc
check "gc takes what was left" test "$rc" -eq 0
run "$FCVM" stop -t 1 "$other"
wait $healthy
rc=$? out=$(cat "$scratch/$other.out") err=
check "and the other is stopped as if nothing had been, with 128+9" test "$rc" -eq 137
run "$FCVM" rm "$one" "$other"
check "nothing is left" nothing_left "$one" "$other"
finish
