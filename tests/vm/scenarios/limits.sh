# scenario: a VM is held to its limits, and one that is ended by them says so
. "$(dirname "$0")/../machine.sh"

web=$(named limited)
run vm -d --name "$web" --pids-limit 50 --device-write-bps 4M fcvm/hello sleep 600
check "a VM with limits starts" test "$rc" -eq 0
cgroup=$("$FCVM" inspect --format '{{.State.CgroupPath}}' "$web")
limits=$("$FCVM" inspect --format '{{.Fcvm.Limits}}' "$web")
check "its cgroup has limits" contains "$limits" "memory "
check "on everything" test -z "$("$FCVM" inspect --format '{{.Fcvm.LimitsMissing}}' "$web")"
check "the VMM is in it" grep -qx "$(vmm_of "$web")" "$cgroup/cgroup.procs"
most=$(cat "$cgroup/memory.max")
check "more memory than the guest's, and not twice that" test "$most" -gt 536870912 -a "$most" -lt 1073741824
check "which is what stats shows" \
  test "$("$FCVM" stats --no-stream --json "$web" | jq '.[0].mem_limit')" = "$most"
check "a bounded number of processes" test "$(cat "$cgroup/pids.max")" -lt 1000
check "and no more CPUs than it has, and a half" test "$(cat "$cgroup/cpu.max")" = "150000 100000"
run timeout 120 "$FCVM" exec "$web" cat /sys/fs/cgroup/pids.max
check "the container has its own number of processes" test "$out" = 50
run timeout 120 "$FCVM" exec --vm "$web" sh -c 'start=$(cut -d. -f1 /proc/uptime)
  head -c 24000000 /dev/urandom >/var/lib/containers/written; sync; echo $(($(cut -d. -f1 /proc/uptime) - start))'
check "its disk is as fast as it may be" test "$rc" -eq 0 -a "${out:-0}" -ge 3

# Less than it holds: the kernel ends it, as it would a VMM that grows without end.
echo 16M >"$cgroup/memory.max"
check "a VM that needs more than it may have ends" wait_for 120 sh -c "! '$FCVM' inspect --format '{{.State.Status}}' $web | grep -q running"
check "and says why" contains "$("$FCVM" inspect --format '{{.State.Error}}' "$web")" "it used all that its limits allow"
run "$FCVM" rm "$web"
check "nothing is left" nothing_left "$web"
check "no cgroup either" test ! -e "$cgroup"
finish
