# A container that runs again: by restart, by its policy, and in a VM that was started anew.
. "$(dirname "$0")/machine.sh"

# Counts its starts in a file of its own.
counts='n=$(($(cat /count 2>/dev/null || echo 0) + 1)); echo $n >/count; echo "start $n"'
stays='trap "exit 3" TERM; while :; do sleep 0.1; done'
pids_of() { "$FCVM" inspect --format '{{.Fcvm.SupervisorPid}} {{.State.Pid}}' "$1"; }
policy_of() { "$FCVM" inspect --format '{{.RestartCount}} {{.HostConfig.RestartPolicy.Name}}' "$1"; }
has_said() { [ "$("$FCVM" logs "$1" | tail -1)" = "$2" ]; }

# --- restart: the container alone ---
again=$(named again)
run vm -d --name "$again" --stop-timeout 60 -e A=b fcvm/hello sh -c "$counts; $stays"
check "a container runs" test "$rc" -eq 0
before=$(pids_of "$again")
run "$FCVM" restart "$again"
check "restart prints its name" test "$out" = "$again"
check "it has started once more, with the files that it wrote" wait_for 60 has_said "$again" "start 2"
check "in the VM that was there" test "$(pids_of "$again")" = "$before"
check "which was counted" test "$(policy_of "$again")" = "1 no"
run "$FCVM" exec "$again" sh -c 'echo $A; cat /count'
check "exec gets into it" test "$out" = $'b\n2'
run "$FCVM" balloon --json "$again" 128M
check "a balloon takes what it is told to" test "$(jq .target_bytes <<<"$out")" = $((128 << 20))
given_back() { [ "$("$FCVM" balloon --json "$again" | jq .actual_bytes)" = $((128 << 20)) ]; }
check "and the guest gives it back" wait_for 60 given_back
run "$FCVM" balloon "$again" 0
check "and has it again" contains "$out" "to give back      0 MiB"
run "$FCVM" start "$again"
check "start leaves one that runs alone" test "$rc:$(pids_of "$again")" = "0:$before"

# --- rename: while it runs ---
other=$(named other)
run "$FCVM" rename "$again" "$other"
check "a VM gets another name" test "$rc" -eq 0
run "$FCVM" exec "$other" cat /etc/hostname
check "and keeps its host name" test "$out" = "$again"
run "$FCVM" inspect "$again"
check "the old one is free" test "$rc" -ne 0

# --- start: the VM anew, on its disk ---
run "$FCVM" stop "$other"
check "it ends" test "$("$FCVM" wait "$other")" = 3
run "$FCVM" start "$other"
check "it is started" test "$rc:$out" = "0:$other"
check "with the files that it wrote, and its log" wait_for 60 has_said "$other" "start 3"
check "in another VM" test "$(pids_of "$other")" != "$before"
run "$FCVM" exec "$other" sh -c 'echo $A; cat /etc/hostname'
check "and with its options" test "$out" = $'b\n'"$again"

# --- what it has become, as files and as an image ---
run "$FCVM" diff "$other"
check "diff names a file that it has added" grep -qx 'A /count' <<<"$out"
run "$FCVM" export -o "$scratch/files.tar" "$other"
check "export has it" test "$(tar -xOf "$scratch/files.tar" count)" = 3
image=localhost/$again:2
run "$FCVM" commit --change 'CMD ["cat", "/count"]' "$other" "$image"
check "commit prints an id" grep -qx '[0-9a-f]\{64\}' <<<"$out"
check "of an image of this host" test "$("$FCVM" images --no-trunc --quiet "$image")" = "$out"
run "$FCVM" inspect --format '{{range .Config.Env}}{{println .}}{{end}}{{.Path}} {{join .Args " "}}' "$other"
check "inspect has its variables" grep -qx 'A=b' <<<"$out"
check "and those of its image" grep -q '^PATH=' <<<"$out"
check "and its command" grep -q '^sh -c ' <<<"$out"
check "and the id of its image" grep -qx '[0-9a-f]\{64\}' <<<"$("$FCVM" inspect --format '{{.Image}}' "$other")"
"$FCVM" rm -f "$other" >/dev/null
run vm --rm "$image"
check "a VM of the image has the files" test "$out" = 3
"$FCVM" rmi "$image" >/dev/null
run "$FCVM" diff "$other"
check "a VM that is gone has none" test "$rc" -eq 125

# --- policies ---
fails=$(named fails)
vm -d --name "$fails" --restart on-failure:2 fcvm/hello sh -c "$counts; exit 5" >/dev/null
check "one that fails has its code in the end" test "$("$FCVM" wait "$fails")" = 5
check "after as many restarts as it may have" test "$(policy_of "$fails")" = "2 on-failure"
run "$FCVM" logs "$fails"
check "with the output of each" test "$out" = $'start 1\nstart 2\nstart 3'
run "$FCVM" rename "$fails" "$again"
check "one that has ended is renamed, too" test "$rc" -eq 0
run "$FCVM" rename "$again" "$again x"
check "but not to anything" test "$rc" -ne 0
"$FCVM" rm "$again" >/dev/null

always=$(named always)
vm -d --name "$always" --stop-timeout 60 --restart always fcvm/hello sh -c "$counts; sleep 1" >/dev/null
check "one that ends is started again" wait_for 60 has_said "$always" "start 2"
run "$FCVM" stop "$always"
check "until it is stopped" test "$("$FCVM" inspect --format '{{.State.Status}}' "$always")" = exited

# --- create ---
made=$(named made)
run "$FCVM" create --cpus 1 --memory 512M --name "$made" fcvm/hello sh -c "$counts; exit 4"
check "create prints an id" grep -qx '[0-9a-f]\{12\}' <<<"$out"
check "of a VM that waits" test "$("$FCVM" inspect --format '{{.State.Status}}' "$made")" = created
run "$FCVM" gc
check "and that gc leaves alone" test "$("$FCVM" inspect --format '{{.State.Status}}' "$made")" = created
run "$FCVM" start --attach "$made"
check "start -a runs it in the foreground" test "$rc:$out" = "4:start 1"
run "$FCVM" start -a "$made"
check "and once more" test "$rc:$out" = "4:start 2"
"$FCVM" rm "$made" "$always" >/dev/null
check "nothing is left" nothing_left "$again" "$other" "$always" "$made"
finish
