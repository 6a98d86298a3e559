# How long the shortest commands take, as JSON lines. The ten plugins are the shipped ones and copies
# of an example under other ids.
set -eu
. "$(dirname "$0")/measure.sh"
export FCVM_PLUGIN_PATH="$FCVM_BUILD/lib/fcvm/examples:$scratch/plugins"
mkdir "$scratch/plugins"
# An id is text in the object: one of the same length makes another plugin of it.
while [ "$("$FCVM_BUILD/bin/fcvm" plugin ls --json | jq '.plugins | length')" -lt 10 ]; do
  n=$(ls "$scratch/plugins" | wc -l)
  sed "s/net\.null/net.nul$n/g" "$FCVM_BUILD/lib/fcvm/examples/net.null.so" >"$scratch/plugins/$n.so"
done
measure "fcvm --version" --version
measure "fcvm plugin ls, 10 plugins" plugin ls
