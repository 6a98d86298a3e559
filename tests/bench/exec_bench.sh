# fcvm's own share of `fcvm exec web true`, as a JSON line: from the start of the process until the
# request is with the guest, and from the exit's frame until the process has ended. Median and worst
# of 100, and the median of the CPU time. FCVM_BUILD names the build tree, which should be a release
# one; needs jq.
set -eu
: "${FCVM_BUILD:?set FCVM_BUILD to a build tree}"
scratch=$(mktemp -d "${TMPDIR:-/tmp}/fcvm-bench.XXXXXX")
supervisor=''
# rm ends what stands for the VMM, too; a supervisor that is killed would leave it behind.
cleanup() {
  "$FCVM_BUILD/bin/fcvm" rm -af >/dev/null 2>&1 || true
  [ -z "$supervisor" ] || kill "$supervisor" 2>/dev/null || true
  rm -rf "$scratch"
}
trap cleanup EXIT
export FCVM_CONFIG_ROOT="$scratch/root" XDG_CONFIG_HOME="$scratch/xdg" HOME="$scratch"
export FCVM_DATA_DIR="$scratch/data" FCVM_PATHS_RUNTIME_DIR="$scratch/run"
mkdir "$scratch/guest"
"$FCVM_BUILD/tests/fake_supervisor" "$FCVM_DATA_DIR" "$FCVM_PATHS_RUNTIME_DIR" web \
  "agent=$scratch/guest" >"$scratch/id" &
supervisor=$!
until [ -s "$scratch/id" ]; do
  kill -0 "$supervisor"
  sleep 0.02
done
"$FCVM_BUILD/tests/exec_share" "$scratch/guest" 100 "$FCVM_BUILD/bin/fcvm" exec web true |
  jq -Rsc '[split("\n")[] | select(. != "") | split(" ") | map(tonumber)]
    | {bench: "fcvm exec, own share", median_ms: (map(.[0]) | sort | .[50]),
       worst_ms: (map(.[0]) | max), cpu_ms: (map(.[1]) | sort | .[50])}'
