# The verbs that look at VMs and end them, against supervisors without a VM.
. "$(dirname "$0")/../support/assert.sh"
. "$(dirname "$0")/../support/fake_vm.sh"

vmm_of() { "$FCVM" inspect --format '{{.State.Pid}}' "$1"; }
is_gone() { [ ! -e "/proc/$1" ] || grep -q '^State:.*Z' "/proc/$1/status" 2>/dev/null; }
cleanup() {
  "$FCVM" rm -af >/dev/null 2>&1
  for one in "${pids[@]}"; do is_gone "$one" || kill -9 "$one"; done
  rm -rf "$scratch"
}
trap cleanup EXIT

run "$FCVM" config show --json
check "config show has the paths" test "$(jq -r '.paths["data-dir"]' <<<"$out")" = "$FCVM_DATA_DIR"
run env -u FCVM_DATA_DIR "$FCVM" config show --json
check "and their defaults" test -n "$(jq -r '.paths["data-dir"]' <<<"$out")"

run "$FCVM" ls
check "ls without VMs shows a heading" test "$rc:$(wc -l <<<"$out")" = 0:1
run "$FCVM" stop nothing
check "a VM that is not there is an error" test "$rc" -eq 125
run "$FCVM" stop -i nothing
check "unless it may be ignored" test "$rc" -eq 0
run "$FCVM" stop
check "no name at all is an error" contains "$err" "--all"

start web label=stage=test
web=$id
start db
run "$FCVM" ls
check "ls shows VMs" contains "$out" "web"
check "and since when" contains "$out" "Up "
check "newest first" contains "$(sed -n 2p <<<"$out")" "db"
check "and cuts commands" contains "$out" "sh -c echo a very..."
run "$FCVM" podman ps --no-trunc
check "podman ps is the same" contains "$out" "long command indeed"
run "$FCVM" ps -q --filter label=stage=test
check "-q prints ids, --filter filters" test "$out" = "$web"
run "$FCVM" ls --filter name=w --filter id="${web:0:4}" --filter label=stage --format '{{.Names}} {{.Status}}'
check "filters combine" contains "$out" "web Up"
run "$FCVM" ls --filter label=stage=prod -q
check "and exclude" test -z "$out"
run "$FCVM" ls --sort names --noheading --format 'table {{.Names}}'
check "--sort sorts, and --noheading leaves the heading out" test "$out" = $'db\nweb'
run "$FCVM" ls --sort created --noheading
check "also of the usual table" test "$(wc -l <<<"$out")" -eq 2 -a -z "$(grep STATUS <<<"$out")"
run "$FCVM" ls -lq
check "-l shows the last" test "$(wc -l <<<"$out")" -eq 1
run "$FCVM" ls -q --filter ancestor=nothing
check "a filter by image" test -z "$out"
run "$FCVM" ls -q --filter exited=0
check "and by exit code" test -z "$out"
run "$FCVM" ls --filter colour=red
check "an unknown filter is an error" test "$rc" -eq 125
run "$FCVM" ls --format 'table {{.ID}}\t{{.Image}}\t{{.Command}}\t{{.CreatedAt}}\t{{.Ports}}\t{{.Pid}}\t{{.Labels}}'
check "a table has a heading" contains "$(head -1 <<<"$out")" "CREATED AT"
check "and labels" contains "$out" "stage=test"
run "$FCVM" ls --format '{{.Nmaes}}'
check "a wrong field is corrected" contains "$err" "Names"
run "$FCVM" ls --json
check "JSON has podman's keys" test "$(jq -r '.[1] | "\(.Names[0]) \(.State) \(.Labels.stage)"' <<<"$out")" = "web running test"
run "$FCVM" ls -n 1 -q
check "-n shows the last" test "$(wc -l <<<"$out")" = 1

run "$FCVM" ls -s --format '{{.Names}} {{.Size}}' --filter name=web
check "--size tells what is on the disk" grep -qE '^web [0-9.]+kB$' <<<"$out"
run "$FCVM" ps --size
check "in a column of its own" contains "$(head -1 <<<"$out")" "SIZE"
run "$FCVM" ls --size --json
check "and in JSON" test "$(jq '.[0].Size > 0' <<<"$out")" = true
run "$FCVM" container ls -q
check "container ls is ls" test "$(wc -l <<<"$out")" = 2

run "$FCVM" inspect --latest --format '{{.Name}}'
check "--latest stands for the last" test "$out" = db
run "$FCVM" inspect --latest web
check "and not beside a name" contains "$err" "not both"
run "$FCVM" logs -l --tail 1
check "also where one VM is named" test "$rc" -eq 0
run "$FCVM" exec --latest --name web true
check "a VM is named once" contains "$err" "--latest"
run "$FCVM" port --all
check "port --all shows all VMs' ports" test "$rc" -eq 0
run "$FCVM" port --all --json
check "by id" test "$(jq -r 'keys | length' <<<"$out")" = 2
run "$FCVM" port
check "port wants a name without" contains "$err" "--all"

run "$FCVM" inspect web
check "inspect is an array" test "$(jq -r '.[0] | "\(.Name) \(.State.Status) \(.HostConfig.NanoCpus) \(.Config.Cmd[0]) \(.Fcvm.Vmm)"' <<<"$out")" = "web running 2000000000 sh vmm.fake"
check "it tells the limits" test "$(jq -c '.[0] | [.HostConfig.PidsLimit, .HostConfig.BlkioDeviceReadBps[0].Rate, .HostConfig.BlkioDeviceWriteBps, .Config.Timeout]' <<<"$out")" = '[50,4000000,[],2]'
run "$FCVM" inspect --format '{{.State.Running}} {{json .Name}}' "${web:0:8}"
check "--format takes paths" test "$out" = 'true "web"'
run "$FCVM" inspect web nothing
check "one that is missing fails, the other shows" test "$rc:$(jq length <<<"$out")" = 125:1
run "$FCVM" inspect wbe
check "a mistyped name is corrected" contains "$err" "\`web\`"

"$FCVM" logs web >"$scratch/log.out" 2>"$scratch/log.err"
check "logs is exact on stdout" test "$(od -An -c "$scratch/log.out" | tr -d ' \n')" = 'one\ntwo\0three\nnoend'
check "and on stderr" test "$(cat "$scratch/log.err")" = oops
run "$FCVM" logs --tail 1 web
check "--tail" test "$out$err" = "no end"
run "$FCVM" logs -t --tail 2 web
check "-t shows times" contains "$err" "+00:00 oops"
run "$FCVM" logs --until 1h web
check "--until an hour ago shows nothing" test -z "$out$err"
run "$FCVM" logs --names web
check "--names says whose a line is" test "$(head -1 <<<"$out")" = "web one"
run "$FCVM" logs web db
check "of several each line has the id" test "$(head -1 <<<"$out")" = "$web one"
run "$FCVM" logs --since soon web
check "a wrong time is an error" contains "$err" "--since"
mkdir -p "$FCVM_DATA_DIR/vms/$web/vmm"
printf 'boot\033[2J\r\n' >"$FCVM_DATA_DIR/vms/$web/vmm/console.log"
run "$FCVM" logs --console web
check "a console goes into a pipe as it is" contains "$out" $'boot\033[2J'
run script -qec "$FCVM logs --console web" /dev/null </dev/null
check "and to a terminal without what would move its cursor" contains "$out" 'boot\x1b[2J'
"$FCVM" logs -f web >"$scratch/followed" 2>/dev/null &
follower=$!

run "$FCVM" pause web
check "pause prints the name" test "$rc:$out" = 0:web
run "$FCVM" pause web
check "pausing twice is an error" contains "$err" "it is paused"
run "$FCVM" ls
check "ls shows it" contains "$out" "Paused"
run "$FCVM" unpause --filter name=db
check "a filter that nothing passes does nothing" test "$rc:$out" = 0:
run "$FCVM" wait --condition paused web
check "wait --condition sees a phase" test "$rc:$out" = 0:-1
run "$FCVM" unpause -a
check "unpause --all prints the id" test "$out" = "$web"
run "$FCVM" pause --filter label=stage=test
check "pause --filter takes those that pass" test "$out" = "$web"
run "$FCVM" unpause --filter label=stage
check "so does unpause" test "$out" = "$web"
run "$FCVM" wait -i 10ms --condition running web
check "wait --condition running is there at once" test "$out" = -1

run "$FCVM" stats --no-stream --interval 300ms --json web
check "stats computes CPU from two samples" test "$(jq '.[0].cpu_percent | . > 45 and . < 55' <<<"$out")" = true
check "and memory" test "$(jq '.[0].mem_percent == 25' <<<"$out")" = true
run "$FCVM" stats --no-stream --interval 10ms
check "stats shows all" test "$(wc -l <<<"$out")" = 3
check "and the network" test "$(sed -n 2p <<<"$out" | grep -c '3kB / 4kB')" = 1
run "$FCVM" stats --no-stream --interval 10ms --format 'table {{.Name}}\t{{.NetIO}}'
check "stats takes a template" test "$(sed -n '1p;2p' <<<"$out" | tr -s ' ' | tr '\n' ';')" = 'NAME NET IO;web 3kB / 4kB;'
run "$FCVM" stats --no-stream --format '{{.NetIo}}'
check "and names the field that it does not have" contains "$err" '{{.NetIo}}; did you mean'
run "$FCVM" top web
check "top says what is missing" test "$rc" -eq 125

run "$FCVM" rm web
check "rm of a running VM is podman's 2" test "$rc" -eq 2
check "with the remedy" contains "$err" "fcvm rm -f web"
run "$FCVM" kill -s hup web
check "kill sends signals by name" test "$rc:$out" = 0:web
echo "$web" >"$scratch/web.cid"
run "$FCVM" kill -s hup --cidfile "$scratch/web.cid"
check "and to whom a cidfile names" test "$rc:$out" = "0:$web"
run "$FCVM" kill -s hup --filter name=web
check "or a filter" test "$rc:$out" = "0:$web"
run "$FCVM" kill -s hup --filter name=web db
check "of several named, those that pass" test "$rc:$out" = 0:
run "$FCVM" kill -s NOPE web
check "unknown ones are errors" test "$rc" -eq 125
"$FCVM" wait web >"$scratch/code" &
waiter=$!
sleep 0.3
run "$FCVM" kill -s 15 web
wait "$waiter"
check "wait prints the exit code" test "$(cat "$scratch/code")" = 143
wait "$follower"
check "following ends with the container, and has all" contains "$(tail -1 "$scratch/followed")" "no end"
run bash -o pipefail -c '"$0" logs web 2>/dev/null | head -1' "$FCVM"
check "a reader that has seen enough is not a failure" test "$rc:$out" = 0:one
run "$FCVM" wait web
check "also afterwards" test "$out" = 143
run "$FCVM" kill web
check "an exited VM cannot be killed" contains "$err" "exited"
run "$FCVM" stop web
check "but stopping it is not an error" test "$rc:$out" = 0:web
run "$FCVM" ls -q
check "ls leaves it out" test "$(wc -l <<<"$out")" = 1
run "$FCVM" ls -a
check "ls -a shows it" contains "$out" "Exited (143)"
run "$FCVM" ls --filter status=exited -q
check "so does a filter" test "$out" = "$web"
run "$FCVM" stats --all --no-stream --interval 10ms --format '{{.ID}} {{.CPUPerc}}' web db
check "and stats --all" test "$(head -1 <<<"$out")" = "$web --"
run "$FCVM" wait --condition running web
check "what has exited runs no more, which is an error" contains "$err" "it is exited"
run "$FCVM" rm --filter label=stage=prod
check "rm --filter passes over others" test "$rc:$out" = 0:
run "$FCVM" rm web nothing
check "rm removes one and misses the other with 1" test "$rc:$out" = 1:web
check "its directory is gone" test ! -e "$FCVM_DATA_DIR/vms/$web"

start gone rm
echo "$id" >"$scratch/gone.cid"
run "$FCVM" stop --cidfile "$scratch/none" db
check "a file that is not there is an error" contains "$err" "$scratch/none"
run "$FCVM" stop -t 1 db --cidfile "$scratch/gone.cid"
check "stop takes several" test "$rc:$(wc -l <<<"$out")" = 0:2
run "$FCVM" ls -a
check "--rm leaves nothing" test -z "$(grep gone <<<"$out")"

# SIGKILL to supervisors: the next command cleans up.
start killed
vmm=$(vmm_of killed)
kill -9 "$pid"
while ! is_gone "$pid"; do sleep 0.02; done
run "$FCVM" gc --dry-run
check "gc --dry-run tells" contains "$out" "killed"
check "and names what goes: its VMM" contains "$out" "process $vmm, its VMM"
check "and its sockets" contains "$out" "sockets $FCVM_PATHS_RUNTIME_DIR/$id"
run "$FCVM" gc --dry-run --json
check "also as JSON" contains "$(jq -r '.[0].Goes[]' <<<"$out")" "process $vmm, its VMM"
check "and does nothing" test -e "/proc/$vmm"
run "$FCVM" ls -a
check "the next command marks it" contains "$out" "Exited (137)"
check "ends its VMM" is_gone "$vmm"
check "and removes its sockets" test ! -e "$FCVM_PATHS_RUNTIME_DIR/$id"
start killed-rm rm
kill -9 "$pid"
while ! is_gone "$pid"; do sleep 0.02; done
run "$FCVM" gc --dry-run
check "a disk that goes is named with its size" grep -qE "$FCVM_DATA_DIR/vms/$id, [0-9]+ KiB on disk" <<<"$out"
run "$FCVM" gc --json
check "gc removes what had --rm" test "$(jq -r '.[0].What' <<<"$out")" = removed
check "all of it" test ! -e "$FCVM_DATA_DIR/vms/$id"

start stuck stubborn
vmm=$(vmm_of stuck)
run "$FCVM" rm -f no-such-vm
check "rm -f of one that is not there is no error" test "$rc" -eq 0
run timeout 60 "$FCVM" rm -f stuck
check "rm -f ends a supervisor that does not answer" test "$rc:$out" = 0:stuck
check "and its VMM" is_gone "$vmm"
for i in 1 2 3 4 5 6; do start "hung$i" stubborn; done
SECONDS=0
run timeout 60 "$FCVM" rm -f hung1 hung2 hung3 hung4 hung5 hung6
check "those that hang are ended side by side" test "$rc" -eq 0 -a "$SECONDS" -lt 25
# All at once, and each record read but a few times: it took a quarter of an hour once.
# What a plugin left that is not there any more keeps its VM, until somebody gives it up.
left=$FCVM_DATA_DIR/vms/feedfeedfeed
mkdir -p "$left"
cat >"$left/vm.json" <<'JSON'
{"format":1,"id":"feedfeedfeed","name":"left","image":"x","phase":"exited",
 "plugin_state":[{"plugin":"vmm.gone","state":[["link","veth9"]]}]}
JSON
run "$FCVM" gc
check "gc tells that it cannot undo it" contains "$err" "undoing what plugin vmm.gone left"
check "and forgets nothing" contains "$(cat "$left/vm.json")" veth9
run "$FCVM" gc --dry-run
check "gc --dry-run names what a plugin left" contains "$out" "vmm.gone: link=veth9"
run "$FCVM" rm -f left
check "rm does not remove it" test "$rc" -eq 125
check "says what is left, and whose" contains "$err" "vmm.gone: link=veth9"
check "and how to give it up" contains "$err" "--abandon"
run "$FCVM" rm --abandon left
check "which removes it" test "$rc:$(test -e "$left" && echo there)" = 0:
check "and prints what stays" contains "$err" "vmm.gone: link=veth9"

"$FCVM_BUILD/tests/record_maker" "$FCVM_DATA_DIR" "$FCVM_PATHS_RUNTIME_DIR" 3000
SECONDS=0
run timeout 110 "$FCVM" rm -af
check "thousands are removed in seconds" test "$rc" -eq 0 -a "$SECONDS" -lt 60
check "rm --all" test "$("$FCVM" ls -aq)" = ""
"$FCVM_BUILD/tests/record_maker" "$FCVM_DATA_DIR" "$FCVM_PATHS_RUNTIME_DIR" 3
some=$("$FCVM" ls -aq | head -1)
check "exists tells whether a VM is there" "$FCVM" container exists "$some"
run "$FCVM" exists no-such-vm
check "or not" test "$rc:$out$err" = 1:
run "$FCVM" container prune
check "prune removes what has ended, and says what" contains "$out" "$some"
check "and what it frees" contains "$out" "Total reclaimed space:"
check "all of it" test "$("$FCVM" ls -aq)" = ""
run "$FCVM" system prune -f
check "system prune does the same with images" contains "$out" "Deleted Images"

run "$FCVM" events --stream=false --filter container=web --format '{{.Status}}'
check "events tell the story" test "$(tr '\n' ' ' <<<"$out")" = "start pause unpause pause unpause kill kill kill kill die remove "
run "$FCVM" events --stream=false --filter event=die --json
check "as JSON, with exit codes" test "$(jq -r 'select(.Name == "web").Attributes.exitCode' <<<"$out")" = 143
(timeout 10 "$FCVM" events --filter event=start | head -1 >"$scratch/live") &
sleep 0.5
start live
sleep 0.3
check "events stream" contains "$(cat "$scratch/live")" "name=live"
"$FCVM" rm -f live >/dev/null

# Twenty times ls while VMs come and go: no error, no half of a VM.
(for _ in 1 2 3 4 5 6 7 8; do start churn rm; "$FCVM" kill churn; while [ -e "$FCVM_DATA_DIR/vms/$id" ]; do sleep 0.02; done; done) >/dev/null 2>"$scratch/churn.err" &
churn=$!
for i in $(seq 20); do
  (for _ in 1 2 3 4; do "$FCVM" ls -a --json >"$scratch/ls.$i.json" 2>>"$scratch/ls.err" && jq -e 'all(.[]; .Image == "fcvm/hello" and .Names[0] == "churn")' "$scratch/ls.$i.json" >/dev/null || echo bad >>"$scratch/ls.bad"; done) &
  listers+=("$!")
done
wait "${listers[@]}" "$churn"
check "twenty concurrent ls see whole VMs only" test ! -e "$scratch/ls.bad"
check "and say nothing" test ! -s "$scratch/ls.err"
check "while VMs come and go" test ! -s "$scratch/churn.err"
finish
