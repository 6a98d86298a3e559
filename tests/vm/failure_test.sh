# Signals, crashes and kills: each ends as it should, and leaves nothing.
. "$(dirname "$0")/machine.sh"

# start NAME SCRIPT: runs it in the foreground of a background job; $job is the job.
start() {
  "$FCVM" run --cpus 1 --memory 512M --name "$1" fcvm/hello sh -c "$2" >"$scratch/$1.out" 2>"$scratch/$1.err" &
  job=$!
  wait_for 60 running "$1"
}
end_of_job() {
  wait $job
  rc=$? out=$(cat "$scratch/$1.out") err=$(cat "$scratch/$1.err")
}

gentle=$(named gentle)
start "$gentle" 'trap "echo T; exit 5" TERM; echo ready; while :; do sleep 0.1; done'
# Before its trap, the container's first process is deaf to SIGTERM.
wait_for 60 grep -q ready "$scratch/$gentle.out"
kill -TERM $job
end_of_job "$gentle"
check "SIGTERM reaches the container" test "$out" = $'ready\nT'
check "whose code is fcvm's" test "$rc" -eq 5

deaf=$(named deaf)
start "$deaf" 'trap "" TERM INT; while :; do sleep 0.1; done'
kill -TERM $job
sleep 0.5
SECONDS=0
kill -TERM $job
end_of_job "$deaf"
check "a second one ends at once" test $SECONDS -le 8
check "with 128+15" test "$rc" -eq 143

killed=$(named killed)
start "$killed" 'sleep 600'
vmm=$(vmm_of "$killed")
cgroup=$("$FCVM" inspect --format '{{.State.CgroupPath}}' "$killed")
kill -KILL $job
check "when fcvm is killed, its VMM dies" wait_for 5 gone "$vmm"
wait $job 2>/dev/null
run "$FCVM" gc --json
check "gc finds it" contains "$out" "$killed"
check "removes its cgroup" test -z "$cgroup" -o ! -e "$cgroup"
check "and marks it" test "$("$FCVM" wait "$killed")" = 137

crashed=$(named crashed)
start "$crashed" 'sleep 600'
kill -KILL "$(vmm_of "$crashed")"
end_of_job "$crashed"
check "a VMM that dies is fcvm's failure" test "$rc" -eq 125
check "which says so" contains "$err" "killed by signal 9"

panicked=$(named panicked)
run "$FCVM" run --cpus 1 --memory 512M --privileged --name "$panicked" fcvm/hello sh -c 'echo c >/proc/sysrq-trigger; sleep 60'
check "a guest that panics is, too" test "$rc" -eq 125
check "and says why" contains "$err" "panic"
check "with the tail of its console" contains "$err" "console:"

# Looking while VMs come and go never shows anything torn.
busy=$(named busy)
start "$busy" 'sleep 3'
torn=0
for _ in $(seq 20); do
  "$FCVM" ls -a --json 2>/dev/null | jq -e . >/dev/null || torn=$((torn + 1)) &
done
wait
check "20 concurrent ls see whole records" test $torn -eq 0

run "$FCVM" rm -f "$gentle" "$deaf" "$killed" "$crashed" "$panicked" "$busy"
check "all can be removed" test "$rc" -eq 0
check "nothing is left" nothing_left "$gentle" "$deaf" "$killed" "$crashed" "$panicked" "$busy"
finish
