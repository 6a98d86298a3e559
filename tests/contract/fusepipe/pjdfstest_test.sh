#!/bin/bash
# FCVM_PJDFSTEST=DIR, a built pjdfstest: through fusepipe passes whatever passes on the directory itself.
. "$(dirname "$0")/../../support/assert.sh"
skip() {
  echo "skipped: pjdfstest: $1"
  exit 77
}
[ -n "${FCVM_PJDFSTEST-}" ] || skip "FCVM_PJDFSTEST names no pjdfstest"
[ "$(id -u)" -eq 0 ] || skip "needs root"
[ -w /dev/fuse ] || skip "needs /dev/fuse"

fusepipe="$FCVM_BUILD/bin/fusepipe"
# Its users come to the files.
chmod 755 "$scratch"
mkdir "$scratch/host" "$scratch/mnt"
"$fusepipe" serve "$scratch/host" --listen "unix:$scratch/socket" >"$scratch/serve.log" &
server=$!
until [ -s "$scratch/serve.log" ] || ! kill -0 $server 2>/dev/null; do sleep 0.05; done
"$fusepipe" mount "unix:$scratch/socket" "$scratch/mnt" --dev --suid >"$scratch/mount.log" &
mount=$!
trap 'kill $mount $server; wait $mount $server; rm -rf "$scratch"' EXIT
until [ -s "$scratch/mount.log" ] || ! kill -0 $mount 2>/dev/null; do sleep 0.05; done
check "the directory is mounted" mountpoint -q "$scratch/mnt"

# failures DIR NAME: works in a directory of that name in it; what does not pass in it, one a line: the file, and the number of the assertion.
failures() {
  mkdir "$1/$2"
  (cd "$1/$2" && prove -r -v --merge "$FCVM_PJDFSTEST/tests" 2>&1) >"$1.log"
  awk -v top="$FCVM_PJDFSTEST/tests/" '/\.t \.+/ { file = substr($1, length(top) + 1) } /^not ok / { print file, $3 }' \
    "$1.log" | LC_ALL=C sort
}
failures "$scratch/host" native >"$scratch/native"
failures "$scratch/mnt" through >"$scratch/through"
check "thousands of assertions ran" [ "$(grep -c '^ok ' "$scratch/mnt.log")" -gt 5000 ]
run comm -13 "$scratch/native" "$scratch/through"
check "nothing fails through the mount that passes without" [ -z "$out" ]
finish
