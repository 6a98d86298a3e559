# scenario: a container in the background: exec, pause, resume and stop
. "$(dirname "$0")/../machine.sh"

web=$(named web)
run vm -d --name "$web" fcvm/hello \
  sh -c 'trap "echo got TERM; exit 42" TERM; i=0; while :; do echo tick $i; i=$((i+1)); sleep 0.3; done'
check "run -d returns once it runs" test "$rc" -eq 0
id=$out
log=$FCVM_DATA_DIR/vms/$id/container.log
check "its VMM is the one that was asked for" \
  test "$("$FCVM" inspect "$web" | jq -r '.[0].Fcvm.Vmm')" = "vmm.$FCVM_RUN_VMM"
check "logs -f follows it" test "$(timeout 60 "$FCVM" logs -f "$web" | sed -n '4{p;q}')" = "tick 3"
run tail -n 20 "$FCVM_DATA_DIR/vms/$id/fcvm.log" "$FCVM_DATA_DIR/vms/$id/vm.json"
check "it runs on" running "$web"
run "$FCVM" top "$web"
check "top runs a program in the guest" contains "$out" "sleep"

echo "a line" | "$FCVM" exec -i -e WORD=said "$web" sh -c 'echo "$WORD"; cat; echo no >&2; exit 9' \
  >"$scratch/exec.out" 2>"$scratch/exec.err"
rc=$? out=$(cat "$scratch/exec.out") err=$(cat "$scratch/exec.err")
check "exec ends with the command's code" test "$rc" -eq 9
check "gives it stdin and an environment, and returns its stdout" test "$out" = "$(printf 'said\na line')"
check "and its stderr" test "$err" = no
run "$FCVM" exec "$web" no-such-command
check "exec of a command that is not there is 127" test "$rc" -eq 127
check "exec's megabytes arrive unchanged" test \
  "$("$FCVM" exec "$web" sh -c 'head -c 3000000 /dev/zero | tr "\0" x' | sha256sum)" = \
  "$(head -c 3000000 /dev/zero | tr '\0' x | sha256sum)"

run "$FCVM" pause "$web"
check "pause pauses" test "$("$FCVM" inspect --format '{{.State.Status}}' "$web")" = paused
sleep 2  # what was on its way comes to the log
size=$(wc -c <"$log")
sleep 3
check "and nothing runs meanwhile" test "$size" -eq "$(wc -c <"$log")"
run "$FCVM" unpause "$web"
check "unpause succeeds" test "$rc" -eq 0
check "the guest hears the host again" test "$(timeout 120 "$FCVM" exec "$web" echo heard)" = heard
check "and it goes on" wait_for 60 sh -c "[ \$(wc -c <'$log') -gt $size ]"

run "$FCVM" stop -t 120 "$web"
check "stop lets it end" test "$rc" -eq 0
check "with its own code" test "$("$FCVM" wait "$web")" = 42
run "$FCVM" logs --tail 1 "$web"
check "and its last word is kept" test "$out" = "got TERM"
run "$FCVM" rm "$web"
check "nothing is left" nothing_left "$web"
finish
