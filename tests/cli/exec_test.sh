# exec and attach without a VM: against an agent on local sockets, behind a supervisor without a VM.
. "$(dirname "$0")/../support/assert.sh"
. "$(dirname "$0")/../support/fake_vm.sh"
[ "$(id -u)" -eq 0 ] || { echo "skipped: ${0##*/}: needs root: an agent that is not root opens no terminal"; exit 77; }

# agent DIR: an fc-agent whose guest is this machine.
agent() {
  mkdir -p "$1"
  "$FCVM_BUILD/tests/fc-agent-hosted" "$1" 2>"$1/log" &
  agent_pid=$!
  disown "$agent_pid"
  pids+=("$agent_pid")
  until [ -S "$1/5103" ]; do sleep 0.02; done
}
cleanup() {
  tmux -S "$scratch/tmux" kill-server 2>/dev/null
  "$FCVM" rm -af >/dev/null 2>&1
  for one in "${pids[@]}"; do kill -9 "$one" 2>/dev/null; done
  rm -rf "$scratch"
}
trap cleanup EXIT
guest() { "$FCVM" exec --vm "$@"; }

# --- what is refused before anything is asked ---
run "$FCVM" exec
check "exec without a VM is an error" test "$rc" -eq 125
run "$FCVM" exec nothing true
check "one that is not there, too" contains "$err" 'no VM "nothing"'
agent "$scratch/guest"
start web "agent=$scratch/guest"
web_pid=$pid
run "$FCVM" exec web
check "a missing command is an error" contains "$err" "the command is missing"
run "$FCVM" exec web --
check "behind dashes as well" contains "$err" "the command is missing"
run "$FCVM" exec web ''
check "an empty one is" contains "$err" "empty word"
run "$FCVM" exec wbe true
check "a mistyped name is corrected" contains "$err" "\`web\`"
run "$FCVM" exec --name web --pid 1 true
check "--name and --pid exclude each other" contains "$err" "give one of --name, --pid and --latest"
run "$FCVM" exec --pid 1 true
check "a pid that is not a VM's is named" contains "$err" "--pid 1"
run "$FCVM" exec --pid x true
check "and one that is not a number" contains "$err" "--pid"
run "$FCVM" exec --vm -c web true
check "--vm and --container exclude each other" contains "$err" "not both"
run "$FCVM" exec --env-file "$scratch/none" web true
check "a missing env file is named" contains "$err" "$scratch/none"
run "$FCVM" exec -e =x web true
check "a variable without a name is refused" test "$rc" -eq 125
run "$FCVM" exec --detach-keys ctrl-pp web true
check "wrong keys are refused" contains "$err" '"ctrl-pp" is not a key'
run "$FCVM" exec --nope web true
check "unknown options are" contains "$err" "unknown option"

# --- one command ---
run guest web sh -c 'printf out; printf err >&2; exit 37'
check "streams and code are the command's" test "$rc:$out:$err" = 37:out:err
run guest --name web -- sh -c 'exit 3'
check "--name takes the command alone" test "$rc" -eq 3
run guest --name web sh -c 'exit 4'
check "dashes are optional" test "$rc" -eq 4
run guest --pid "$web_pid" sh -c 'exit 5'
check "--pid finds it" test "$rc" -eq 5
run "$FCVM" podman exec --vm "${id:0:6}" -- sh -c 'exit 6'
check "podman exec is the same, and ids may be short" test "$rc" -eq 6
run guest web printf '%s|' '' 'a b' "it's" '"q"' $'new\nline' '$HOME' '*' 'ü'
check "arguments are exact" test "$out" = "|a b|it's|\"q\"|"$'new\nline'"|\$HOME|*|ü|"
guest web printf '\377\376\001' >"$scratch/bytes"
check "bytes are" test "$(od -An -tx1 "$scratch/bytes" | tr -d ' \n')" = fffe01
printf '# comment\nFROM_FILE=f\nBOTH=f\n' >"$scratch/env"
export PASSED=on
run guest --env-file "$scratch/env" -e BOTH=e -e PASSED -e NOT_SET_HERE -e 'TWO=a=b c' web \
  sh -c 'echo "$FROM_FILE $BOTH $PASSED ${NOT_SET_HERE-unset} $TWO"'
check "environment" test "$out" = "f e on unset a=b c"
run guest -w /tmp web pwd
check "working directory" test "$out" = /tmp
run guest -w /no/such web pwd
check "one that is not there is named as such" contains "$err" "working directory"
run guest web no-such-program
check "127 for what is not there" test "$rc" -eq 127
check "with its name and where" contains "$err" "the guest of VM web: running no-such-program"
check "and what to do" contains "$err" "to fix:"
run guest web /etc
check "126 for what cannot be executed" test "$rc" -eq 126
run guest -u nobody-knows web true
check "125 for an unknown user" test "$rc" -eq 125
check "who is named" contains "$err" "nobody-knows"
run "$FCVM" exec web true
check "no container, no exec in it" contains "$err" "the container does not run"
run guest web sh -c 'kill -TERM $$'
check "128+n for a signal" test "$rc" -eq 143
SECONDS=0
run guest web sh -c 'sleep 30 & echo $! >"$0"; echo left' "$scratch/left"
check "a child that holds the output does not hold the exit" test "$out:$((SECONDS < 15))" = left:1
kill "$(cat "$scratch/left")"
run guest -d web sh -c "sleep 0.3; echo done >'$scratch/detached'"
check "-d prints nothing" test "$rc:$out$err" = 0:
until [ -s "$scratch/detached" ]; do sleep 0.05; done
check "and the command goes on" test "$(cat "$scratch/detached")" = done
run guest -d web no-such-program
check "-d tells what cannot run" test "$rc" -eq 127
run guest --log-level debug web true
check "--log-level is one of fcvm's own" test "$rc" -eq 0

# --- stdin ---
run guest -i web cat <<<"typed"
check "-i passes stdin on" test "$out" = typed
run guest web cat <<<"typed"
check "without it there is none" test "$rc:$out" = 0:
rest=$(printf 'a\nb\n' | { read -r _; guest web cat; cat; })
check "and ours stays unread" test "$rest" = b
run guest -i web cat </dev/null
check "from /dev/null" test "$rc:$out" = 0:
run guest -i web cat <&-
check "from a descriptor that is closed" test "$rc:$out$err" = 0:
run guest web echo x >&-
check "with stdout closed" test "$rc" -eq 0
head -c 10000000 /dev/urandom >"$scratch/big"
sum=$(sha256sum <"$scratch/big")
check "ten megabytes from a file" test "$(guest -i web cat <"$scratch/big" | sha256sum)" = "$sum"
check "from a pipe, to a slow reader" test \
  "$(cat "$scratch/big" | guest -i web sh -c 'sleep 1; cat' | { sleep 1; sha256sum; })" = "$sum"
run guest -i web head -c 5 <"$scratch/big"
check "a command that ends before its stdin does" test "$rc" -eq 0
(guest web sh -c 'while :; do echo line; done'; echo "$?" >"$scratch/code") | head -1 >"$scratch/line"
check "a reader that has seen enough ends it" test "$(cat "$scratch/line"):$(cat "$scratch/code")" = line:141

# --- signals ---
"$FCVM" exec --vm web sh -c 'trap "echo got; exit 9" '"INT TERM HUP QUIT USR1; echo ready; while :; do sleep 0.05; done" \
  >"$scratch/signals" &
one=$!
until grep -q ready "$scratch/signals"; do sleep 0.05; done
kill -TERM $one
wait $one
check "SIGTERM goes to the command" test "$?:$(tail -1 "$scratch/signals")" = 9:got
"$FCVM" exec --vm -e TOKEN=s3cr3t-value --env=B=c0nceal web sh -c 'echo $$; exec sleep 600' >"$scratch/sleeper" &
one=$!
until [ -s "$scratch/sleeper" ]; do sleep 0.05; done
sleeper=$(cat "$scratch/sleeper")
run tr '\0' ' ' <"/proc/$one/cmdline"
check "its command line shows no value of a variable" \
  test "$(grep -c 's3cr3t\|c0nceal' <<<"$out") $(grep -o -- '-e TOKEN=\** --env=B=\** web sh' <<<"$out")" = \
  '0 -e TOKEN=************ --env=B=******* web sh'
kill -9 $one
wait $one 2>/dev/null
for _ in $(seq 100); do [ -d "/proc/$sleeper" ] || break; sleep 0.1; done
check "a client that is killed hangs its command up" test ! -d "/proc/$sleeper"
"$FCVM" exec --vm web sh -c 'echo up; exec sleep 600' >"$scratch/silent" 2>"$scratch/silent.err" &
one=$!
until [ -s "$scratch/silent" ]; do sleep 0.05; done
kill -STOP "$agent_pid"
kill -TERM $one
sleep 0.5
check "one signal without an answer does not end a client" kill -0 $one
# Two that come at once count as one.
for _ in $(seq 100); do
  kill -TERM $one 2>/dev/null || break
  sleep 0.1
done
wait $one
check "three do" test "$?" -eq 143
check "and it says that the command may go on" contains "$(cat "$scratch/silent.err")" "may go on"
kill -CONT "$agent_pid"

# --- a terminal ---
run script -qec "$FCVM exec --vm -it web sh -c 'tty >/dev/null && stty size; exit 8'" /dev/null </dev/null
check "-t gives a terminal" test "$rc" -eq 8
run guest -t web sh -c 'echo a; [ -t 1 ] && echo b'
check "also where we have none" test "$out" = $'a\r\nb\r'

# The terminal is as it was after every way out; vm/terminal_test.sh has more.
cat >"$scratch/rc" <<'END'
PS1='outer[$?]> '
ulimit -c 0
cooked() { case $(stty -a) in *$'\nisig icanon iexten echo '*) echo COOKED ;; *) stty -a ;; esac; }
END
tmux_do() { tmux -S "$scratch/tmux" "$@"; }
shows() { tmux_do capture-pane -p -t t | grep -q -- "$1"; }
await() { for _ in $(seq 300); do shows "$1" && return; sleep 0.1; done; tmux_do capture-pane -p -t t; return 1; }
tmux_do -f /dev/null new-session -d -s t -x 80 -y 24 "bash --rcfile $scratch/rc -i"
for ending in SEGV:139 HUP:129 TERM:143 INT:130; do
  tmux_do send-keys -t t "clear; $FCVM exec --vm -it web sh -c 'echo inner; exec sleep 600'" Enter
  check "a command runs at a terminal" await '^inner$'
  kill -s "${ending%:*}" "$(pgrep -f "$FCVM exec --vm -it web sh")"
  check "SIG${ending%:*} ends fcvm" await "outer.${ending#*:}.>\$"
  tmux_do send-keys -t t 'clear; cooked' Enter
  check "and gives the terminal back" await '^COOKED$'
done
tmux_do send-keys -t t "clear; $FCVM exec --vm -it web sh -c 'echo inner; cat; exit 5'" Enter
check "keys are passed on" await '^inner$'
tmux_do send-keys -t t C-p x
check "what only begins like the detach keys, too" await '\^Px'
tmux_do send-keys -t t C-p C-q
check "the detach keys are not" await 'outer.0.>$'
tmux_do kill-server

# --- many at once ---
for i in $(seq 64); do
  (guest web sh -c "head -c 10485760 /dev/zero | tr '\\0' '\\$(printf %o $((i + 32)))'" | cksum >"$scratch/sum.$i") &
  many[i]=$!
done
wait "${many[@]}"
bad=0
for i in $(seq 64); do
  expected=$(head -c 10485760 /dev/zero | tr '\0' "\\$(printf %o $((i + 32)))" | cksum)
  [ "$(cat "$scratch/sum.$i")" = "$expected" ] || bad=$((bad + 1))
done
check "64 at once with 10 MB each are all intact" test "$bad" -eq 0

# --- attach ---
run "$FCVM" attach
check "attach without a VM is an error" contains "$err" "the name of a VM"
run "$FCVM" attach web db
check "it takes one" contains "$err" 'unexpected argument "db"'
agent "$scratch/cat"
start cat "agent=$scratch/cat" interactive "run=while read -r line; do echo \"\$line!\"; echo e >&2; done; sleep 0.5; exit 11"
"$FCVM" attach --no-stdin cat >"$scratch/watched" 2>"$scratch/watched.err" &
watcher=$!
sleep 0.5
run "$FCVM" attach cat <<<"hello"
check "attach passes stdin, its end, and the exit code" test "$rc:$out:$err" = '11:hello!:e'
wait $watcher
check "several see all of it" test "$?:$(cat "$scratch/watched"):$(cat "$scratch/watched.err")" = '11:hello!:e'
run "$FCVM" attach cat
check "an exited one is not attached to" contains "$err" "it is exited (code 11)"
check "with what to do" contains "$err" "to fix:"
run "$FCVM" exec cat true
check "nor executed in" contains "$err" "it is exited"

agent "$scratch/trap"
start trap "agent=$scratch/trap" "run=trap 'echo usr1' USR1; trap 'echo term; exit 2' TERM; while :; do sleep 0.05; done"
"$FCVM" attach --sig-proxy=false trap >"$scratch/aloof" </dev/null &
aloof=$!
"$FCVM" attach trap >"$scratch/proxied" </dev/null &
one=$!
sleep 0.7
kill -TERM $aloof
wait $aloof
check "--sig-proxy=false keeps signals" test "$?" -eq 143
"$FCVM" attach --sig-proxy=false trap >"$scratch/aloof2" </dev/null &
sleep 0.3
kill -USR1 $one
until grep -q usr1 "$scratch/proxied"; do sleep 0.05; done
for _ in $(seq 200); do grep -q usr1 "$scratch/aloof2" && break; sleep 0.05; done
check "one that is looked at with --sig-proxy=false has seen it, too" test "$(cat "$scratch/aloof2")" = usr1
kill -TERM $one
wait $one
check "attach passes them on" test "$?:$(tail -1 "$scratch/proxied")" = 2:term

# --- faults ---
run "$FCVM" pause web
run guest web true
check "a paused VM says so" contains "$err" "it is paused"
check "with the remedy" contains "$err" "fcvm unpause web"
run "$FCVM" unpause web
"$FCVM" exec --vm web sh -c 'echo $$; exec sleep 600' >"$scratch/lost" 2>"$scratch/lost.err" &
one=$!
until [ -s "$scratch/lost" ]; do sleep 0.05; done
kill -9 "${pids[0]}"
wait $one
check "a connection that drops is a failure" test "$?" -eq 125
check "and says that the command's fate is unknown" contains "$(cat "$scratch/lost.err")" "unknown"
kill "$(cat "$scratch/lost")"  # nobody else ends it: its agent is gone
start dead
kill -9 "$pid"
run guest dead true
check "a VM whose supervisor died has exited" contains "$err" "it is exited"
finish
