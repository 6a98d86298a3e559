# scenario: a VMM that dies is fcvm's failure, told as such, and leaves nothing
. "$(dirname "$0")/../machine.sh"

name=$(named crashed)
"$FCVM" run --cpus 1 --memory 512M --name "$name" fcvm/hello sleep 600 \
  >"$scratch/crashed.out" 2>"$scratch/crashed.err" &
job=$!
check "the VM runs" wait_for 180 running "$name"
vmm=$(vmm_of "$name")
kill -KILL "$vmm"
wait $job
rc=$? out=$(cat "$scratch/crashed.out") err=$(cat "$scratch/crashed.err")
check "fcvm fails with 125" test "$rc" -eq 125
check "and says how the VMM ended" contains "$err" "killed by signal 9"
check "the VMM is gone" gone "$vmm"
check "the record tells the code" \
  test "$("$FCVM" inspect --format '{{.State.ExitCode}}' "$name")" = 125
run "$FCVM" rm "$name"
check "it can be removed" test "$rc" -eq 0
check "nothing is left" nothing_left "$name"
finish
