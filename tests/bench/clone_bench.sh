# Clones against the bare VMM plugin doing the same, in turns: from the command to the first answer of
# the guest's agent, and of a command in the container; the pause of a snapshot; what many clones take
# of the host's memory. JSON lines, in milliseconds and MiB; needs jq and a guest in FCVM_DATA_DIR.
# Usage: clone_bench.sh [RUNS [CLONES]]
set -eu
: "${FCVM_BUILD:?set FCVM_BUILD to a build tree}" "${FCVM_DATA_DIR:?set FCVM_DATA_DIR to where fcvm setup made a guest}"
runs=${1:-7} clones=${2:-8}
scratch=$(mktemp -d "${TMPDIR:-/tmp}/fcvm-bench.XXXXXX")
fcvm=$FCVM_BUILD/bin/fcvm
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
disk() { printf -- '--disk %s=%s%s ' "$1" "$snapshot/$2" "$3"; }
bare() {
  # shellcheck disable=SC2046
  "$FCVM_BUILD/tests/vmm_driver" --plugin "$FCVM_BUILD/lib/fcvm/plugins/vmm.qemu.so" \
    --kernel "$snapshot/kernel" --initrd "$snapshot/initrd" --append 'quiet panic=-1' --memory 512 \
    $(disk base base.img :ro; disk disk disk.img ''; [ ! -e "$snapshot/image0.img" ] || disk image0 image0.img :ro) \
    restore "$snapshot" "$scratch/bare-$1" hello >/dev/null
}
for number in $(seq "$runs"); do
  if began=$(now) && bare "$number" 2>"$scratch/bare-error"; then since "$began" >>"$scratch/bare"; fi
  rm -rf "$scratch/bare-$number"
  began=$(now)
  "$fcvm" snapshot run -d --name "$mark-one" "$mark" >/dev/null
  since "$began" >>"$scratch/clone"
  "$fcvm" exec "$mark-one" true
  since "$began" >>"$scratch/exec"
  "$fcvm" rm -f "$mark-one" >/dev/null
done
[ ! -s "$scratch/bare" ] || figures "bare plugin: restored, its agent answers" <"$scratch/bare"
figures "snapshot run: the clone is renewed, and its container goes on" <"$scratch/clone"
figures "and a first command has run in it" <"$scratch/exec"

free_kib() { awk '/^MemAvailable/ {print $2}' /proc/meminfo; }
before=$(free_kib)
began=$(now)
"$fcvm" snapshot run --count "$clones" --name "$mark-many" "$mark" >/dev/null
took=$(since "$began")
jq -nc --argjson clones "$clones" --argjson took "$took" --argjson kib $((before - $(free_kib))) \
  '{bench: "clones at once", clones: $clones, all_ms: ($took / 1000), mib_of_host_each: ($kib / 1024 / $clones)}'
