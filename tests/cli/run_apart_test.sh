# A supervisor in a process of its own, by -d and by -i: how it ended reaches the caller, and once.
. "$(dirname "$0")/../support/assert.sh"

export FCVM_DATA_DIR="$scratch/data" FCVM_PATHS_RUNTIME_DIR="$scratch/run" FCVM_RUN_NETWORK=none
export FCVM_PLUGIN_PATH="$FCVM_BUILD/lib/fcvm/examples" FCVM_RUN_VMM=pretend
guest="$FCVM_DATA_DIR/guests/current"
mkdir -p "$guest" "$FCVM_CONFIG_ROOT/etc/fcvm"
touch "$guest"/{vmlinuz,initrd,base.ext4,hello.tar}
printf '{"key":"k","suite":"s","architecture":"a","kernel":{"version":"6","source":"x"},"agent":{"sha256":"0"},"files":{}}' \
  >"$guest/guest.json"

# once WHAT: the last run said it on one line only.
once() { test "$(grep -cF "$1" <<<"$err")" -eq 1; }

for how in -d -i --rm; do
  run "$FCVM" run "$how" --rm "docker-archive:$scratch/none.tar" </dev/null
  check "run $how fails" test "$rc" -eq 125
  check "run $how says once why" once "opening $scratch/none.tar: No such file or directory"
  check "run $how says once what fixes it" once "to fix: check the path"
  check "run $how prints no id" test -z "$out"
done

# Paths with blanks, below the current directory.
mkdir -p "$scratch/a place"
run env -C "$scratch/a place" "$FCVM" run --rm "docker-archive:my image.tar"
check "an archive's relative path may have a blank" contains "$err" "opening $scratch/a place/my image.tar: No such file"
run env -C "$scratch/a place" FCVM_DATA_DIR="data dir" "$FCVM" config show
check "a relative data directory is taken" test "$rc" -eq 0
run env -C "$scratch/a place" FCVM_DATA_DIR="data dir" "$FCVM" run --rm fcvm/hello
check "and is below the current directory" contains "$err" "$scratch/a place/data dir"
mkdir -p "$scratch/a place/data dir"
cp -r "$FCVM_DATA_DIR/guests" "$scratch/a place/data dir/"
run env -C "$scratch/a place" FCVM_DATA_DIR="data dir" "$FCVM" run --rm fcvm/hello
check "its hello is found" test -z "$(grep 'image reference' <<<"$err")"
check "as an archive below it" contains "$err" "$scratch/a place/data dir"
run env HOME="$scratch/home" FCVM_DATA_DIR= "$FCVM" config show --json
check "an empty value is none" test -n "$(jq -r '.paths["data-dir"] // empty' <<<"$out")"

# A supervisor that waits for its image, and is killed meanwhile.
printf '#!/bin/sh\ntouch "%s/asked"\nexec sleep 60\n' "$scratch" >"$scratch/skopeo"
chmod 755 "$scratch/skopeo"
printf '[plugin."image.overlay"]\nskopeo = "%s"\n' "$scratch/skopeo" >"$FCVM_CONFIG_ROOT/etc/fcvm/fcvm.toml"
waits=0
# waiting HOW: a run that waits for its image; its caller, and its supervisor.
waiting() {
  rm -f "$scratch/asked"
  name=waits-$((waits += 1))
  "$FCVM" run "$1" --name "$name" registry.invalid/image </dev/null >"$scratch/out" 2>"$scratch/err" &
  caller=$! waited=0
  until [ -e "$scratch/asked" ] || [ $((waited += 1)) -gt 200 ]; do sleep 0.05; done
  supervisor=$(pgrep -P "$caller")
}
ended() {
  wait "$caller"
  rc=$? out=$(cat "$scratch/out") err=$(cat "$scratch/err")
}
waiting -d && kill -KILL "$supervisor" && ended
check "a killed supervisor is an error of -d" test "$rc" -eq 125
check "which says so" once "the detached fcvm ended before its container ran"
waiting -i && kill -KILL "$supervisor" && ended
check "a killed supervisor is an error of -i" test "$rc" -eq 125
check "which names the signal" once "the VM's supervisor was killed by signal 9"
run "$FCVM" gc
waiting -d && kill -TERM "$caller" && ended
check "who ends the caller of -d ends the VM" test "$rc:$out" = 143:
check "which says so" once "it was told to end before its container ran"
waited=0
until ! kill -0 "$supervisor" 2>/dev/null || [ $((waited += 1)) -gt 200 ]; do sleep 0.05; done
check "and its supervisor" test ! -e "/proc/$supervisor"
check "which leaves no name" test -z "$("$FCVM" ls -aq --filter "name=$name")"
run "$FCVM" gc
check "gc undoes what they left" test -z "$(ls -A "$FCVM_PATHS_RUNTIME_DIR")"
finish
