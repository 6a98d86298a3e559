# How long the shortest commands take: median and worst of 20, as JSON lines. The ten plugins are the
# shipped ones and copies of an example under other ids.
# FCVM_BUILD names the build tree, which should be a release one; needs jq.
set -eu
: "${FCVM_BUILD:?set FCVM_BUILD to a build tree}"
scratch=$(mktemp -d "${TMPDIR:-/tmp}/fcvm-bench.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
export FCVM_CONFIG_ROOT="$scratch/root" XDG_CONFIG_HOME="$scratch/xdg" HOME="$scratch"
export FCVM_PLUGIN_PATH="$FCVM_BUILD/lib/fcvm/examples:$scratch/plugins"
mkdir "$scratch/plugins"
# An id is text in the object: one of the same length makes another plugin of it.
while [ "$("$FCVM_BUILD/bin/fcvm" plugin ls --json | jq '.plugins | length')" -lt 10 ]; do
  n=$(ls "$scratch/plugins" | wc -l)
  sed "s/net\.null/net.nul$n/g" "$FCVM_BUILD/lib/fcvm/examples/net.null.so" >"$scratch/plugins/$n.so"
done

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
measure "fcvm --version" --version
measure "fcvm plugin ls, 10 plugins" plugin ls
