# A command that joins the container is in every respect what `podman exec` would have made of it:
# both run the same probe, and what they see is compared. Three containers: one of root's,
# one of an ordinary user's, one that is privileged.
. "$(dirname "$0")/machine.sh"

probe='
grep -E "^(Umask|Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp|Sig|Shd)" /proc/self/status | grep -v SigQ
cat /proc/self/limits /proc/self/cgroup /proc/self/oom_score_adj /proc/self/coredump_filter
echo environment; env | sort
echo directory; pwd
echo namespaces; for n in /proc/self/ns/*; do readlink $n; done
echo descriptors; ls /proc/self/fd | wc -l
echo mounts; cut -d " " -f 4- /proc/self/mountinfo'

# same NAME WHAT OPTION...: compares both ways of running the probe.
same() {
  local name=$1 what=$2
  shift 2
  "$FCVM" --log-level debug exec "$@" "$name" sh -c "$probe" >"$scratch/ours" 2>"$scratch/ours.err"
  "$FCVM" exec --vm "$name" podman exec "$@" "$name" sh -c "$probe" >"$scratch/theirs" 2>"$scratch/theirs.err"
  out=$(diff "$scratch/ours" "$scratch/theirs") err=$(cat "$scratch/ours.err") rc=0
  check "$what: as podman has it" cmp -s "$scratch/ours" "$scratch/theirs"
  check "$what: there is something to compare" test "$(wc -l <"$scratch/ours")" -gt 50
  check "$what: without podman" grep -q 'joined the container' "$scratch/ours.err"
}

root=$(named root)
run vm -d --name "$root" -e GREETING='hello world' --workdir /tmp fcvm/hello sleep 100000
check "a container of root's" test "$rc" -eq 0
same "$root" "root"
check "with a seccomp filter" grep -q '^Seccomp:.2' "$scratch/ours"
check "and its environment" grep -q '^GREETING=hello world' "$scratch/ours"
same "$root" "privileged exec" --privileged
check "has every capability" test "$(sed -n 's/^CapEff:\t//p' "$scratch/ours")" = "$(sed -n 's/^CapBnd:\t//p' "$scratch/ours")"
same "$root" "a named user" --user nobody
same "$root" "a number nobody has" --user 1000:2000
same "$root" "a user in a privileged exec" --user nobody --privileged
same "$root" "environment and directory" -e A=1 -e GREETING=other -w /etc

"$FCVM" rm -f "$root" >/dev/null

user=$(named user)
run vm -d --name "$user" --user nobody:nogroup fcvm/hello sleep 100000
check "a container of an ordinary user's" test "$rc" -eq 0
same "$user" "its own user"
same "$user" "root beside it" --user root
"$FCVM" rm -f "$user" >/dev/null

free=$(named free)
run vm -d --name "$free" --privileged fcvm/hello sleep 100000
check "a privileged container" test "$rc" -eq 0
same "$free" "privileged container"
check "has no filter" grep -q '^Seccomp:.0' "$scratch/ours"
"$FCVM" rm -f "$free" >/dev/null

# What cannot be followed is left to podman, and said.
odd=$(named odd)
run vm -d --name "$odd" fcvm/hello sleep 100000
run "$FCVM" exec --vm "$odd" sh -c 'sed -i "s/\"type\": *\"ipc\"/\"type\": \"time\"/; s/\"type\":\"ipc\"/\"type\":\"time\"/" /run/crun/*/config.json'
check "its configuration is changed" test "$rc" -eq 0
run "$FCVM" --log-level debug exec -e A=1 -w /tmp -u nobody "$odd" sh -c 'echo $A; pwd; id -u; exit 7'
check "falls back to podman exec" test "$rc" -eq 7
check "with the same result" test "$out" = "$(printf '1\n/tmp\n65534')"
check "and says why" contains "$err" 'by podman exec: '
check "in full" contains "$err" 'namespace of the kind time'
"$FCVM" rm -f "$odd" >/dev/null
check "nothing is left" nothing_left "$root" "$user" "$free" "$odd"
finish
