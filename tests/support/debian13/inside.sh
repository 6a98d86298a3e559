#!/usr/bin/env bash
# inside.sh compile | PRESET TIER...: what is done in the Debian 13.
set -euo pipefail
cd "$(dirname "$0")/../../.."
preset=$1
shift

if [ "$preset" = compile ]; then
  export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1
  cmake --preset release -DFCVM_BUILD_TESTS=OFF
  exec cmake --build --preset release
fi

ip link set lo up
PRESET=$preset tests/run.sh "$@"
# This is the first process of its namespace, so whatever a test left running is there to see.
left=()
for each in /proc/[0-9]*; do
  mapfile -d '' -t words <"$each/cmdline" || continue
  [ "${each##*/}" -eq $$ ] || [ ${#words[@]} -eq 0 ] || left+=("running: ${words[*]}")
done
for each in /tmp/* /tmp/.[!.]* /var/tmp/* /run/* /dev/shm/*; do
  # /run/mount is mount's own.
  [ ! -e "$each" ] || [ "$each" = /run/mount ] || left+=("file: $each")
done
[ ${#left[@]} -eq 0 ] || { printf 'the tests have left %s\n' "${left[@]}" >&2; exit 1; }
