# A container in the background, and every verb that looks at it or acts on it.
. "$(dirname "$0")/machine.sh"

web=$(named web)
run vm -d --name "$web" --label tier=test --stop-signal SIGQUIT fcvm/hello \
  sh -c 'trap "echo got QUIT; exit 42" QUIT; i=0; while :; do echo tick $i; i=$((i+1)); sleep 0.2; done'
check "run -d returns once it runs" test "$rc" -eq 0
check "and prints its id" grep -qx '[0-9a-f]\{12\}' <<<"$out"
id=$out
run "$FCVM" ps --filter label=tier=test -q
check "ps finds it by label" contains "$out" "$id"
run "$FCVM" inspect "$web"
check "inspect knows its VMM" test "$(jq -r '.[0].Fcvm.Vmm' <<<"$out")" = vmm.qemu
check "and its image's digest" contains "$(jq -r '.[0].ImageDigest' <<<"$out")" sha256:
vmm=$(jq '.[0].Fcvm.Isolation[] | select(.Name == "qemu" or .Name == "firecracker")' <<<"$out")
check "its VMM is in a jail, as inspect tells" test "$(jq -r .Jail <<<"$vmm")" = namespaces
check "without capabilities" test "$(jq -r .Capabilities <<<"$vmm")" = 0000000000000000
check "with a root directory of its own" test "$(jq .OwnRoot <<<"$vmm")" = true
check "and as root with a user of its own" \
  test "$(id -u)" -ne 0 -o "$(jq .Uid <<<"$vmm")" -ge 3000000000
check "logs -f follows it" test "$(timeout 60 "$FCVM" logs -f "$web" | sed -n 5p)" = "tick 4"
run "$FCVM" logs --tail 1 --timestamps "$web"
check "logs has times" grep -q '^20[0-9-]*T[0-9:.]*.* tick' <<<"$out"
run "$FCVM" stats --no-stream --json "$web"
check "stats counts memory" test "$(jq '.[0] | .mem_usage > 100000000 and .mem_percent < 100' <<<"$out")" = true
run "$FCVM" top "$web"
check "top shows the container's processes" contains "$out" "sleep"

cgroup=$("$FCVM" inspect --format '{{.State.CgroupPath}}' "$web")
check "its VMM is in a cgroup of its own, where this user may make one" test \
  -z "$cgroup" -o "$(grep -cx "$(vmm_of "$web")" "$cgroup/cgroup.procs")" = 1
check "as root may" test "$(id -u)" -ne 0 -o -n "$cgroup"

run "$FCVM" pause "$web"
check "pause pauses" test "$("$FCVM" inspect --format '{{.State.Status}}' "$web")" = paused
sleep 1  # what was on its way comes to the log
size=$(wc -c <"$FCVM_DATA_DIR/vms/$id/container.log")
sleep 4
check "and nothing runs meanwhile" test "$size" -eq "$(wc -c <"$FCVM_DATA_DIR/vms/$id/container.log")"
run "$FCVM" unpause "$web"
now=$(date +%s)
check "the guest's clock is right after it" test "$("$FCVM" exec "$web" date +%s)" -ge $((now - 1))
check "unpause goes on" wait_for 30 sh -c "[ \$(wc -c <'$FCVM_DATA_DIR/vms/$id/container.log') -gt $size ]"

run "$FCVM" rm "$web"
check "a running one is not removed" test "$rc" -ne 0
"$FCVM" wait "$web" >"$scratch/waited" &
waiter=$!
run "$FCVM" stop "$web"
check "stop lets it end" test "$rc" -eq 0
wait $waiter
check "wait prints its code" test "$(cat "$scratch/waited")" = 42
run "$FCVM" logs --tail 1 "$web"
check "its last word is kept, and the signal was its own" test "$out" = "got QUIT"
run "$FCVM" events --stream=false
check "events tells the story" test "$(grep -c "$id" <<<"$out")" -ge 5
run "$FCVM" rm "$web"
check "rm removes it" nothing_left "$web"
check "with its cgroup" test -z "$cgroup" -o ! -e "$cgroup"

short=$(named short)
vm -d --name "$short" --stop-timeout 1 fcvm/hello sh -c 'trap "" TERM; while :; do sleep 0.2; done' >/dev/null
began=$(date +%s)
run "$FCVM" stop "$short"
check "stop keeps to the grace that the VM was given" test $(($(date +%s) - began)) -lt 8
"$FCVM" rm "$short" >/dev/null

deaf=$(named deaf)
vm -d --name "$deaf" fcvm/hello sh -c 'trap "" TERM INT; while :; do sleep 0.2; done' >/dev/null
SECONDS=0
run "$FCVM" stop -t 1 "$deaf"
check "a deaf one is killed after its grace" test $SECONDS -le 15
check "which its code says" test "$("$FCVM" wait "$deaf")" = 137
"$FCVM" rm "$deaf" >/dev/null
run "$FCVM" kill "$deaf"
check "kill of one that is not there fails" test "$rc" -eq 125
check "nothing is left" nothing_left "$deaf" "$web"
finish
