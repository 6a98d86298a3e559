# exec in a real container and its guest, attach, and run -i: one VM for most of it.
. "$(dirname "$0")/machine.sh"

web=$(named exec)
run vm -d --name "$web" -e FROM_RUN=yes -w /tmp fcvm/hello sh -c 'echo begun; sleep 100000'
check "a container runs" test "$rc" -eq 0

run "$FCVM" exec "$web" sh -c 'echo "$FROM_RUN"; pwd; hostname; cat /proc/1/comm; echo err >&2; exit 5'
check "exec is in the container" test "$rc:$err" = 5:err
check "with its environment, directory, name and processes" test "$out" = "$(printf 'yes\n/tmp\n%s\nsleep' "$web")"
run "$FCVM" exec --vm "$web" sh -c 'cat /proc/1/comm; command -v podman'
check "--vm is in the guest" test "$out" = $'fc-agent\n/usr/bin/podman' -o "$out" = $'init\n/usr/bin/podman'
run "$FCVM" exec -u nobody -w / -e A=b "$web" sh -c 'id -un; pwd; echo $A'
check "as another user, elsewhere, with variables" test "$out" = $'nobody\n/\nb'
run "$FCVM" exec "$web" no-such-program
check "127 names the program" test "$rc" -eq 127
check "the VM and what to do" contains "$err" "VM $web: running no-such-program"
run "$FCVM" exec "$web" /etc
check "126 for a directory" test "$rc" -eq 126
run "$FCVM" exec -u stranger "$web" true
check "125 for a stranger" test "$rc" -eq 125
check "who is named" contains "$err" stranger

head -c 20000000 /dev/urandom >"$scratch/big"
sum=$(sha256sum <"$scratch/big")
check "twenty megabytes in and out" test "$("$FCVM" exec -i "$web" cat <"$scratch/big" | sha256sum)" = "$sum"
check "to a slow reader here and there" test \
  "$("$FCVM" exec -i "$web" sh -c 'sleep 1; cat' <"$scratch/big" | { sleep 2; sha256sum; })" = "$sum"
for i in $(seq 16); do
  ("$FCVM" exec "$web" sh -c "head -c 1000000 /dev/zero | tr '\\0' $((i % 10))" | cksum >"$scratch/sum.$i") &
  many[i]=$!
done
wait "${many[@]}"
bad=0
for i in $(seq 16); do
  expected=$(head -c 1000000 /dev/zero | tr '\0' $((i % 10)) | cksum)
  [ "$(cat "$scratch/sum.$i")" = "$expected" ] || bad=$((bad + 1))
done
check "16 at once are all intact" test "$bad" -eq 0

"$FCVM" exec "$web" sh -c 'trap "echo got; exit 9" TERM; echo ready; while :; do sleep 0.1; done' >"$scratch/signal" &
one=$!
wait_for 30 grep -q ready "$scratch/signal"
kill -TERM $one
wait $one
check "signals go to the command" test "$?:$(tail -1 "$scratch/signal")" = 9:got
"$FCVM" exec "$web" sleep 4321 &
one=$!
in_container() { "$FCVM" exec "$web" sh -c 'ps | grep -q "[s]leep 4321"'; }
wait_for 30 in_container
kill -9 $one
wait $one 2>/dev/null
not_in_container() { ! in_container; }
check "a client that is killed hangs its command up" wait_for 30 not_in_container
run "$FCVM" exec -d "$web" sleep 4321
check "-d leaves it running" in_container

# --- what comes, after run -d ---
counter=$(named counter)
run vm -d -i --name "$counter" fcvm/hello \
  sh -c 'echo begun; while read -r line; do echo "<$line>"; done; echo ended; exit 12'
check "run -d -i keeps stdin open" running "$counter"
# "Running" does not say that the first line is out: the watcher must come after it.
has_begun() { contains "$("$FCVM" logs "$counter")" begun; }
check "the first line is in the log" wait_for 30 has_begun
"$FCVM" attach --no-stdin "$counter" >"$scratch/watched" &
watcher=$!
sleep 3
run "$FCVM" attach "$counter" <<<"hello"
check "attach passes stdin and its end, and gives the code" test "$rc:$out" = $'12:<hello>\nended'
wait $watcher
check "another one has seen it, from when it came" test "$?:$(cat "$scratch/watched")" = $'12:<hello>\nended'
run "$FCVM" attach "$counter"
check "an exited one is not attached to" contains "$err" "exited"
run "$FCVM" logs "$counter"
check "the log has all of it" test "$out" = $'begun\n<hello>\nended'
"$FCVM" rm "$counter" >/dev/null

# --- run -i ---
check "run -i: what goes in comes out" test "$(vm --rm -i fcvm/hello cat <"$scratch/big" | sha256sum)" = "$sum"
run vm --rm -i fcvm/hello sh -c 'wc -c; exit 3' <&-
check "a closed stdin is an empty one" test "$rc:$out" = 3:0
SECONDS=0
first=$(vm --rm -i fcvm/hello sh -c 'while :; do echo line; done' </dev/null | head -1)
check "| head -1 gets its line, and ends it" test "$first:$((SECONDS < 120))" = line:1
run vm --rm -i --pull never no-such-image </dev/null
check "what fails at the start says why" contains "$err" no-such-image
check "with 125" test "$rc" -eq 125
lost=$(named lost)
mkfifo "$scratch/silence"
exec 8<>"$scratch/silence"  # so that it opens, and never ends
"$FCVM" run -i --cpus 1 --memory 512M --name "$lost" fcvm/hello cat <&8 >/dev/null 2>"$scratch/lost.err" &
one=$!
exec 8>&-
check "another one runs" wait_for 120 running "$lost"
kill -9 $one
wait $one 2>/dev/null
not_running() { ! running "$1"; }
check "the VM does not outlive who runs it" wait_for 60 not_running "$lost"
"$FCVM" rm -f "$lost" >/dev/null

# --- the VM's end in the middle ---
"$FCVM" exec "$web" sh -c 'echo up; sleep 1000' >"$scratch/up" 2>"$scratch/cut.err" &
one=$!
wait_for 30 grep -q up "$scratch/up"
kill -9 "$(vmm_of "$web")"
wait $one
check "a VM that dies under a command is a failure" test "$?" -eq 125
check "that says so" contains "$(cat "$scratch/cut.err")" "was lost"
not_running() { ! running "$1"; }
wait_for 30 not_running "$web"
run "$FCVM" exec "$web" true
check "and then it has exited" contains "$err" "it is exited"
"$FCVM" rm -f "$web" >/dev/null
check "nothing is left" nothing_left "$web" "$counter" "$lost"
finish
