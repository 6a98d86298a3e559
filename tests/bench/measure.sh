# For the benches that time fcvm's commands: needs FCVM_BUILD, a release build tree, and jq. Leaves
# $scratch, and an fcvm that sees nothing of this machine's VMs and configuration.
: "${FCVM_BUILD:?set FCVM_BUILD to a build tree}"
scratch=$(mktemp -d "${TMPDIR:-/tmp}/fcvm-bench.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
export FCVM_CONFIG_ROOT="$scratch/root" XDG_CONFIG_HOME="$scratch/xdg" HOME="$scratch"
export FCVM_DATA_DIR="$scratch/data" FCVM_PATHS_RUNTIME_DIR="$scratch/run"

# measure WHAT WORD...: median and worst of 20 runs of `fcvm WORD...`, as a JSON line.
measure() {
  local what=$1 before after
  shift
  "$FCVM_BUILD/bin/fcvm" "$@" >/dev/null
  for _ in $(seq 20); do
    before=$(date +%s%N)
    "$FCVM_BUILD/bin/fcvm" "$@" >/dev/null
    after=$(date +%s%N)
    echo $(((after - before) / 1000))
  done | jq -sc --arg what "$what" \
    'sort | {bench: $what, median_ms: ((.[9] + .[10]) / 2000), worst_ms: (.[19] / 1000)}'
}
