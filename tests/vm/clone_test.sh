# Snapshots, clones and forks of a real container: what they are, and what of their source they do
# not have. One source for all; README's contract says what each row promises.
. "$(dirname "$0")/machine.sh"

snapshots() { "$FCVM" snapshot ls --json; }
in_vm() { "$FCVM" exec "$@"; }
fact() { "$FCVM" snapshot inspect "$1" | jq -r ".[0].$2"; }
no_snapshot_left() { [ -z "$(find "$FCVM_DATA_DIR/snapshots" -mindepth 1 -maxdepth 1 ! -name .lock ! -name '????????????' 2>/dev/null)" ]; }

# The source counts, once before and many times after its snapshot, writes to its disk, and holds a
# file open that has no name any more.
web=$(named web) tag=$(named warm)
count='mkdir -p /root; n=0; exec 9>/root/gone; echo open >&9; rm /root/gone; echo held >/root/kept
while :; do n=$((n+1)); echo tick $n; echo $n >/root/n; sleep 0.2; done'
# The same words for every run of it.
counting() { vm -d --label of=source --snapshot "$tag-ready" "$@" fcvm/hello sh -c "$count"; }
run counting --name "$web" -e SECRET=abc --save-snapshot "$tag-ready"
check "the source runs" test "$rc" -eq 0
check "it boots, since there is no snapshot" contains "$err" "there is no snapshot $tag-ready: the VM boots"
check "and was saved before its caller went on" test "$(fact "$tag-ready" Vm)" = "$web"
check "and says something" wait_for 60 sh -c "'$FCVM' logs '$web' | grep -q 'tick 5'"
in_vm "$web" sh -c 'cat /proc/sys/kernel/random/boot_id >/root/boot; hostname >/root/name'

run "$FCVM" --log-level info snapshot create "$web" --tag "$tag" --label tier=test
check "snapshot create makes one" test "$rc" -eq 0
check "and prints its id" grep -qx '[0-9a-f]\{12\}' <<<"$out"
id=$out
check "and tells how long the VM stood still" contains "$err" "stood still for"
run "$FCVM" snapshot create "$web" --tag "$tag"
check "a second one of that tag is refused, before anything stands still" contains "$err" "there is a snapshot $tag already"
check "ls lists it" test "$(snapshots | jq -r ".[] | select(.Tag == \"$tag\") | .Id")" = "$id"
check "with its label" test "$(fact "$tag" Labels.tier)" = test
check "inspect knows its VM and its plugins" test "$(fact "$id" Vm),$(fact "$tag" 'Plugins["vmm.qemu"] | length > 0')" = "$web,true"
check "its memory and its disk have digests" test "$(fact "$tag" 'Files | map(select(.Digest != "").Name) | contains(["memory", "disk.img"])')" = true
run "$FCVM" snapshot verify "$tag"
check "verify finds it whole" test "$out" = "$tag: whole"
check "nobody else may read it" test "$(stat -c %a "$FCVM_DATA_DIR/snapshots/$id")" = 700
check "the source goes on" wait_for 60 sh -c "a=\$('$FCVM' exec '$web' cat /root/n); sleep 1; [ \$('$FCVM' exec '$web' cat /root/n) -gt \$a ]"
before=$("$FCVM" logs "$web" | wc -l)

one=$(named one) two=$(named two)
run "$FCVM" snapshot run -d --name "$one" "$tag"
check "a clone begins in the background" test "$rc" -eq 0
check "and prints its id" grep -qx '[0-9a-f]\{12\}' <<<"$out"
run "$FCVM" snapshot run -d --name "$two" --snapshot "${id:0:6}"
check "and another, by the beginning of an id" test "$rc" -eq 0
check "ls shows them as VMs" test "$("$FCVM" ps -q --filter "name=$one" | wc -l)" -eq 1
check "inspect names their snapshot" test "$("$FCVM" inspect "$one" | jq -r '.[0].Fcvm.Snapshot')" = "$id"

# The container is the one that was saved.
check "its process is the source's, and goes on" wait_for 60 sh -c "a=\$('$FCVM' exec '$one' cat /root/n); sleep 1; [ \$('$FCVM' exec '$one' cat /root/n) -gt \$a ]"
check "the guest was not booted" test "$(in_vm "$one" cat /root/boot)" = "$(in_vm "$one" cat /proc/sys/kernel/random/boot_id)"
check "it has its files" test "$(in_vm "$one" cat /root/kept)" = held
check "it has a file open that has no name" test "$(in_vm "$one" cat /proc/1/fd/9)" = open
check "and its environment" test "$(in_vm "$one" sh -c 'echo $SECRET')" = abc
# Each has what it writes for itself.
in_vm "$one" sh -c 'echo one >/root/mine'
check "a clone's disk is its own" test "$(in_vm "$two" sh -c 'cat /root/mine 2>/dev/null; echo none')" = none
check "and not its source's" test "$(in_vm "$web" sh -c 'cat /root/mine 2>/dev/null; echo none')" = none

# What is new in each.
for what in 'cat /etc/machine-id' 'hostname' 'head -c 16 /dev/urandom | od -An -tx1' 'cat /proc/sys/kernel/random/uuid'; do
  all=$(for name in "$web" "$one" "$two"; do in_vm --vm "$name" sh -c "$what"; done | sort -u | wc -l)
  check "the guests differ: $what" test "$all" -eq 3
done
check "the container's hostname is the clone's" test "$(in_vm "$one" hostname)" = "$one"
check "the source's stays" test "$(in_vm "$web" hostname)" = "$web"
check "and /etc/hosts says so" contains "$(in_vm "$one" cat /etc/hosts)" "$one"
now=$(date +%s)
told=$(in_vm "$one" date +%s)
check "a clone's clock is right: $told, $now" test $((told - now)) -ge -3 -a $((told - now)) -le 30
check "uptime goes on and does not jump" test "$(in_vm "$one" cut -d. -f1 /proc/uptime)" -lt 3600

# What each has said is in its log, from the snapshot on, and nothing twice.
ticks() { "$FCVM" logs "$1" | sed -n 's/^tick //p'; }
first=$(ticks "$one" | head -1)
check "a clone's log begins after the snapshot: $first" test "$first" -gt 5
check "and lacks nothing" test "$(ticks "$one" | awk 'NR > 1 && $1 != last + 1 {bad = 1} {last = $1} END {print bad + 0}')" = 0
check "nor does its source's" test "$(ticks "$web" | awk 'NR > 1 && $1 != last + 1 {bad = 1} {last = $1} END {print bad + 0}')" = 0
check "which goes on" test "$("$FCVM" logs "$web" | wc -l)" -gt "$before"

check "what a clone used at first is written down, for later ones" wait_for 30 test -s "$FCVM_DATA_DIR/snapshots/$id/working-set.memory.file"
run "$FCVM" snapshot rm "$tag"
check "a snapshot that is used is not removed" test "$rc" -ne 0 -a -d "$FCVM_DATA_DIR/snapshots/$id"
run "$FCVM" stop -t 1 "$two"
check "a clone is stopped as any VM" test "$rc" -eq 0
run "$FCVM" rm "$two"
check "and removed" test "$rc" -eq 0

# For one command; at once; from a clone.
run "$FCVM" snapshot run --rm --exec 'cat /root/kept; exit 7' "$tag"
check "--exec gives the command's output" test "$out" = held
check "and its exit code" test "$rc" -eq 7
run "$FCVM" snapshot create "$one" --tag "$tag-2" --stop
check "a clone is saved, and ends with that" test "$rc" -eq 0
check "it has ended" wait_for 30 sh -c "[ \"\$('$FCVM' inspect '$one' --format '{{.State.Status}}')\" = exited ]"
check "its snapshot knows where it is from" test "$(fact "$tag-2" Parent)" = "$id"
run "$FCVM" snapshot run -d --name "$two" "$tag-2"
check "a clone's clone runs" test "$(in_vm "$two" cat /root/mine)" = one
"$FCVM" rm -f "$one" "$two" >/dev/null

# By the words of its run: a clone where they are the same, named where they are not.
run counting --name "$one" -e SECRET=abc --save-snapshot "$tag-ready"
check "the same run is a clone" test "$("$FCVM" inspect "$one" | jq -r '.[0].Fcvm.Snapshot')" = "$(fact "$tag-ready" Id)"
check "and says so" contains "$err" "begins as a clone of $tag-ready"
check "its container goes on" wait_for 60 sh -c "'$FCVM' logs '$one' | grep -q tick"
check "under its own name" test "$(in_vm "$one" hostname)" = "$one"
"$FCVM" rm -f "$one" >/dev/null
prepare() { "$FCVM" prepare --cpus 1 --memory 512M --label of=source --tag "$@" fcvm/hello sh -c "$count"; }
run prepare "$tag-ready" -e SECRET=abc
check "prepare finds that it was made" test "$(jq -r '.cache + .tag' <<<"$out")" = "hit$tag-ready"
run prepare "$tag-ready" -e SECRET=other
check "but not with another environment" contains "$err" "snapshot $tag-ready was made with something else for the environment"
vms=$("$FCVM" ps -aq | wc -l)
run prepare "$tag-ready" -e SECRET=other --force --wait-ready mode=vsock
check "--force makes it anew" test "$(jq -r '.status + .cache' <<<"$out")" = readymiss
check "and leaves no VM" test "$("$FCVM" ps -aq | wc -l)" -eq "$vms"
check "in the other's place" test "$(fact "$tag-ready" Id)" = "$(jq -r .snapshot <<<"$out")"
run "$FCVM" snapshot rm "$tag-ready"

# Of a page server, which many clones have.
"$FCVM" snapshot serve "$tag" >"$scratch/served" 2>&1 &
server=$!
# From the first moment on, as a script would.
run "$FCVM" snapshot run -d --name "$one" --pid $server
check "a clone has its memory from a server" test "$(in_vm "$one" cat /root/kept)" = held
run "$FCVM" snapshot run -d --name "$two" --pid $server
check "and another from the same" test "$(in_vm "$two" cat /root/kept)" = held
check "the server says what it serves, and how" contains "$(cat "$scratch/served")" "Serving snapshot $tag; a clone: fcvm snapshot run --pid $server"
check "it writes down what they used" wait_for 30 test -s "$FCVM_DATA_DIR/snapshots/$id/working-set.memory.uffd"
run "$FCVM" rm -f "$two"
check "a clone that ends leaves the other" test "$(in_vm "$one" cat /root/kept)" = held
run "$FCVM" snapshot run -d --pid $server --memory file
check "a server's memory is no other's" test "$rc" -ne 0 -a "$(grep -c 'leave --memory or --pid away' <<<"$err")" = 1
kill -9 $server
check "a clone ends at once when its server is killed" wait_for 10 sh -c "[ \"\$('$FCVM' inspect '$one' --format '{{.State.Status}}')\" = exited ]"
check "and says so" contains "$("$FCVM" inspect "$one" --format '{{.State.Error}}')" "page server, process $server, has ended"
run "$FCVM" snapshot run -d --pid $server
check "nobody serves any more" contains "$err" "process $server serves no snapshot"
check "gc removes its socket" contains "$("$FCVM" gc)" "pages-$server: a page server's socket is removed"
"$FCVM" snapshot serve "$tag" >"$scratch/served" 2>&1 &
server=$!
"$FCVM" snapshot run -d --name "$two" --pid $server >/dev/null
kill $server
check "one that is asked to end does" wait_for 20 test ! -d /proc/$server
check "with its clones" wait_for 10 sh -c "[ \"\$('$FCVM' inspect '$two' --format '{{.State.Status}}')\" = exited ]"
check "and says what it gave" contains "$(cat "$scratch/served")" "before they were missed"
"$FCVM" rm -f "$one" "$two" >/dev/null

run "$FCVM" fork "$web" -n 2 --as "$one"
check "fork gives two clones" test "$(grep -cx '[0-9a-f]\{12\}' <<<"$out")" -eq 2
check "and leaves no snapshot" test "$(snapshots | jq 'map(select(.Kind == "fork")) | length')" = 0
check "they run" test "$(in_vm "$one-1" cat /root/kept),$(in_vm "$one-2" cat /root/kept)" = held,held
check "the source goes on" running "$web"
# One that is killed leaves nothing, as any VM.
kill -9 "$(supervisor_of "$one-1")"
check "gc cleans up after a killed clone" wait_for 30 sh -c "'$FCVM' gc; [ \"\$('$FCVM' inspect '$one-1' --format '{{.State.Status}}')\" = exited ]"
"$FCVM" rm -f "$one-1" "$one-2" >/dev/null

# To another host and back.
run "$FCVM" snapshot export -o "$scratch/archive" "$tag"
check "export writes one file" test "$rc" -eq 0 -a -s "$scratch/archive"
run "$FCVM" snapshot import -i "$scratch/archive" --tag "$tag-back"
check "import takes it" test "$rc" -eq 0
rm "$scratch/archive"
run "$FCVM" snapshot run --rm --exec 'cat /root/kept' "$tag-back"
check "a clone of what was imported runs" test "$out" = held
"$FCVM" snapshot rm "$tag-back" >/dev/null

# What is not whole is not brought to life.
copy=$FCVM_DATA_DIR/snapshots/$id
truncate -s -4096 "$copy/memory"
run "$FCVM" snapshot run -d "$tag"
check "one whose memory was cut is refused" contains "$err" "memory has"
truncate -s +4096 "$copy/memory"
run "$FCVM" snapshot verify "$tag"
check "and verify finds it" contains "$err" "memory is not what it was"
sed -i 's/"tag": "/"tag": "x/' "$copy/manifest.json"
run "$FCVM" snapshot run -d "$id"
check "an altered manifest is refused" contains "$err" "was altered"
run "$FCVM" snapshot rm "$id"
check "a damaged one is removed by its id" test "$rc" -eq 0 -a ! -e "$copy"
run "$FCVM" snapshot rm "$tag-2"
check "the other by its tag" test "$rc" -eq 0

"$FCVM" rm -f "$web" >/dev/null
run "$FCVM" gc
check "nothing is left" nothing_left "$web" "$one" "$two"
check "no half-made snapshot either" no_snapshot_left
finish
