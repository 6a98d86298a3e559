# Many guests, some at a time: how many start, run `true` and end, what they take, and why others
# failed. A JSON line; needs jq and a guest in FCVM_DATA_DIR. many_starts_bench.sh [GUESTS [AT_ONCE]]
# (100, 8 at a time); FCVM_BUILD names the build tree, which should be a release one.
set -eu
: "${FCVM_BUILD:?set FCVM_BUILD to a build tree}" "${FCVM_DATA_DIR:?set FCVM_DATA_DIR to where fcvm setup made a guest}"
guests=${1:-100} at_once=${2:-8}
scratch=$(mktemp -d "${TMPDIR:-/tmp}/fcvm-bench.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
export FCVM_RUN_NETWORK=none FCVM_PATHS_RUNTIME_DIR=$scratch/run scratch FCVM_BUILD
start() {
  local began code=0
  began=$(date +%s%N)
  "$FCVM_BUILD/bin/fcvm" run --rm --cpus 1 --memory 512M fcvm/hello true >"$scratch/$1.log" 2>&1 || code=$?
  echo "$code $((($(date +%s%N) - began) / 1000000))" >"$scratch/$1.took"
}
export -f start
start first # makes the image ready, which is not measured
began=$(date +%s%N)
seq "$guests" | xargs -P "$at_once" -I{} bash -c 'start {}'
all=$((($(date +%s%N) - began) / 1000000))
panics=$(grep -l 'Kernel panic' "$scratch"/*.log | wc -l)
rm "$scratch/first.took"
cat "$scratch"/*.took | jq -Rsc --argjson all "$all" --argjson panics "$panics" --argjson at_once "$at_once" '
  [split("\n")[] | select(. != "") | split(" ") | map(tonumber)]
  | {bench: "many starts", guests: length, at_once: $at_once, failed: map(select(.[0] != 0)) | length,
     panics: $panics, all_s: ($all / 1000), median_s: ((map(.[1]) | sort | .[length / 2 | floor]) / 1000),
     worst_s: ((map(.[1]) | max) / 1000)}'
for took in "$scratch"/*.took; do
  grep -q '^0 ' "$took" || tail -n 5 "${took%.took}.log" >&2
done
