# fcvm ls with 1,000 recorded VMs: median and worst of 20, as a JSON line for each way of asking.
# FCVM_BUILD names the build tree, which should be a release one; needs jq.
set -eu
: "${FCVM_BUILD:?set FCVM_BUILD to a build tree}"
count=${1:-1000}
scratch=$(mktemp -d "${TMPDIR:-/tmp}/fcvm-bench.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
export FCVM_CONFIG_ROOT="$scratch/root" XDG_CONFIG_HOME="$scratch/xdg" HOME="$scratch"
export FCVM_DATA_DIR="$scratch/data" FCVM_PATHS_RUNTIME_DIR="$scratch/run"
"$FCVM_BUILD/tests/record_maker" "$FCVM_DATA_DIR" "$FCVM_PATHS_RUNTIME_DIR" "$count"

measure() {
  local what=$1 before after
  shift
  "$FCVM_BUILD/bin/fcvm" "$@" >/dev/null
  for _ in $(seq 20); do
    before=$(date +%s%N)
    "$FCVM_BUILD/bin/fcvm" "$@" >/dev/null
    after=$(date +%s%N)
    echo $(((after - before) / 1000))
  done | jq -sc --arg what "$what" --argjson vms "$count" \
    'sort | {bench: $what, vms: $vms, median_ms: ((.[9] + .[10]) / 2000), worst_ms: (.[19] / 1000)}'
}
measure "fcvm --version" --version
measure "fcvm ls" ls
measure "fcvm ls -a" ls -a
measure "fcvm ls -aq" ls -aq
