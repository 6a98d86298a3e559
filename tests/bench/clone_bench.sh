# Clones against the bare VMM plugin doing the same, in turns: from the command to the first answer of
# the guest's agent, and of a command in the container; the pause of a snapshot; what many clones take
# of the host's memory. JSON lines, in milliseconds and MiB; needs jq and a guest in FCVM_DATA_DIR.
# Usage: clone_bench.sh [RUNS [CLONES]]
set -eu
: "${FCVM_BUILD:?set FCVM_BUILD to a build tree}" "${FCVM_DATA_DIR:?set FCVM_DATA_DIR to where fcvm setup made a guest}"
runs=${1:-7} clones=${2:-8}
scratch=$(mktemp -d "${TMPDIR:-/tmp}/fcvm-bench.XXXXXX")
fcvm=$FCVM_BUILD/bin/fcvm guest=$FCVM_DATA_DIR/guests/current
export FCVM_LOG_LEVEL=warn
export FCVM_PATHS_RUNTIME_DIR=$scratch/run
mark=bench-$$
clean_up() {
  # shellcheck disable=SC2046
  "$fcvm" rm -f $("$fcvm" ls -aq --filter "label=bench=$mark") >/dev/null 2>&1 || :
  "$fcvm" snapshot rm -f "$mark" >/dev/null 2>&1 || :
  rm -rf "$scratch"
}
trap clean_up EXIT
now() { date +%s%N; }
since() { echo $((($(now) - $1) / 1000)); }
# figures NAME: of microseconds, one a line.
figures() {
  jq -sc --arg what "$1" 'sort | {bench: $what, median_ms: (.[(length - 1) / 2 | floor] / 1000),
    worst_ms: (.[length - 1] / 1000), runs: length}'
}

"$fcvm" run -d --network none --cpus 1 --memory 512M --name "$mark" --label "bench=$mark" fcvm/hello \
  sh -c 'while :; do sleep 1; done' >/dev/null
for _ in $(seq "$runs"); do
  "$fcvm" snapshot rm -f "$mark" >/dev/null 2>&1 || :
  began=$(now)
  "$fcvm" snapshot create "$mark" --tag "$mark" >/dev/null
  since "$began" >>"$scratch/create"
  "$fcvm" snapshot inspect "$mark" | jq '.[0].PausedMs * 1000' >>"$scratch/pause"
done
figures "snapshot create" <"$scratch/create"
figures "of which the VM stands still" <"$scratch/pause"

# The same files by the plugin alone: it restores, and dials the agent.
snapshot=$("$fcvm" snapshot inspect "$mark" | jq -r '.[0].Directory')
plain=$scratch/plain
mkdir "$plain"
ln -s "$snapshot"/{state,memory,disk.img} "$plain"
"$fcvm" snapshot inspect "$mark" | jq -j '.[0].Vmm.Version' >"$plain/version"
# Its VMM has a user of its own, and no jail that would show it what lies in a closed directory.
chmod 755 "$scratch"
cp "$snapshot/image0.img" "$scratch/image0.img"
bare() {
  "$FCVM_BUILD/tests/vmm_driver" --plugin "$FCVM_BUILD/lib/fcvm/plugins/vmm.qemu.so" \
    --kernel "$guest/vmlinuz" --initrd "$guest/initrd" --append 'quiet panic=-1' --memory 512 \
    --disk "base=$guest/base.ext4:ro" --disk "disk=$plain/disk.img" \
    --disk "image0=$scratch/image0.img:ro" \
    restore "$plain" "$scratch/bare-$1" hello >"$scratch/bare-said" || { cat "$scratch/bare-said" >&2; return 1; }
}
for number in $(seq "$runs"); do
  began=$(now)
  bare "$number"
  since "$began" >>"$scratch/bare"
  rm -rf "$scratch/bare-$number"
  began=$(now)
  "$fcvm" snapshot run -d --name "$mark-one" "$mark" >/dev/null
  since "$began" >>"$scratch/clone"
  "$fcvm" exec "$mark-one" true
  since "$began" >>"$scratch/exec"
  "$fcvm" rm -f "$mark-one" >/dev/null
done
figures "bare plugin: restored, its agent answers" <"$scratch/bare"
figures "snapshot run: the clone is renewed, and its container goes on" <"$scratch/clone"
figures "and a first command has run in it" <"$scratch/exec"

free_kib() { awk '/^MemAvailable/ {print $2}' /proc/meminfo; }
before=$(free_kib)
began=$(now)
"$fcvm" snapshot run --count "$clones" --name "$mark-many" "$mark" >/dev/null
took=$(since "$began")
jq -nc --argjson clones "$clones" --argjson took "$took" --argjson kib $((before - $(free_kib))) \
  '{bench: "clones at once", clones: $clones, all_ms: ($took / 1000), mib_of_host_each: ($kib / 1024 / $clones)}'
