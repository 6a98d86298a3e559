# Verbs of snapshots, as far as they need no VM.
. "$(dirname "$0")/../support/assert.sh"
. "$(dirname "$0")/../support/fake_vm.sh"
# rm ends what stands for the VMM, too.
trap '"$FCVM" rm -af >/dev/null 2>&1; kill -9 "${pids[@]}" 2>/dev/null; rm -rf "$scratch"' EXIT
store=$FCVM_DATA_DIR/snapshots

run "$FCVM" snapshot ls --json
check "there is none at first" test "$rc,$out" = "0,[]"
run "$FCVM" snapshot ls
check "a table has its heading" contains "$out" "SNAPSHOT ID"
for verb in inspect verify rm run export; do
  run "$FCVM" snapshot "$verb" warm
  check "$verb of what is not there fails" test "$rc" -eq 125
  check "and says so: $verb" contains "$err" "there is no snapshot warm"
  check "with a way to see: $verb" contains "$err" "fcvm snapshot ls"
done
run "$FCVM" clone --snapshot a b
check "two snapshots for one clone are refused" contains "$err" "give one snapshot"
for words in "snapshot create web" "fork web"; do
  # shellcheck disable=SC2086
  run "$FCVM" $words
  check "of a VM that is not there: $words" test "$rc" -eq 125
done
run "$FCVM" fork --count 0 web
check "no clones at all are refused" contains "$err" "--count"

# One whose manifest is damaged: it is none, stands in nobody's way, and can be removed.
mkdir -p "$store/0123456789ab"
echo '{"format": 1}' >"$store/0123456789ab/manifest.json"
run "$FCVM" snapshot ls --json
check "a damaged one is not listed" test "$out" = "[]"
check "but told of" contains "$err" "0123456789ab"
run "$FCVM" snapshot run -d 0123456789ab
check "nor run" contains "$err" "is damaged"
run "$FCVM" snapshot rm 0123456789ab
check "it is removed by its id" test "$rc" -eq 0 -a ! -e "$store/0123456789ab"

# What a killed command has left.
mkdir -p "$store/.making-0123456789ab" "$store/.removed-0123456789ac"
run "$FCVM" gc --dry-run
check "gc would remove what is half made" test "$(grep -c 'left of a snapshot would' <<<"$out")" -eq 2
check "and has not yet" test -e "$store/.making-0123456789ab"
run "$FCVM" gc
check "gc does" test -z "$(ls -A "$store" | grep -v '^\.lock$')"

for archive in "" "fcvm-snapshot 2" "$(printf 'fcvm-snapshot 1\n\377\377\377\377')"; do
  printf '%s' "$archive" >"$scratch/archive"
  run "$FCVM" snapshot import -i "$scratch/archive"
  check "what is no archive is refused" test "$rc" -eq 125
  check "and leaves nothing" test -z "$(ls -A "$store" | grep -v '^\.lock$')"
done

# Of a VM whose supervisor is a fake, which writes small files.
start web
run "$FCVM" --log-level info snapshot create web --tag warm --label a=b
check "create prints an id" grep -qx '[0-9a-f]\{12\}' <<<"$out"
check "and how long the VM stood still" contains "$err" "stood still for 2 ms"
warm=$out
run "$FCVM" snapshot create web --tag warm
check "a tag is one snapshot's" contains "$err" "there is a snapshot warm already"
check "with what to do" contains "$err" "fcvm snapshot rm warm"
run "$FCVM" snapshot ls
check "ls shows it" contains "$out" "warm"
run "$FCVM" snapshot ls --format '{{.Tag}} {{.Vm}} {{.Kind}}'
check "by a template, too" test "$out" = "warm web user"
run "$FCVM" snapshot inspect "${warm:0:4}" --format '{{.Labels.a}} {{.PausedMs}}'
check "inspect finds it by the beginning of its id" test "$out" = "b 1.5"
run "$FCVM" snapshot verify warm
check "it is whole" test "$rc" -eq 0
run "$FCVM" snapshot export -o "$scratch/archive" warm
check "it can be exported" test "$rc" -eq 0
run "$FCVM" snapshot import -i "$scratch/archive" --tag again
check "and imported" test "$rc" -eq 0
run "$FCVM" snapshot verify again
check "whole" test "$rc" -eq 0
run bash -c "'$FCVM' snapshot export warm | '$FCVM' snapshot import --tag piped"
check "through a pipe as well" test "$rc" -eq 0
truncate -s -1 "$scratch/archive"
run "$FCVM" snapshot import -i "$scratch/archive" --tag cut
check "one that was cut is refused" contains "$err" "not whole"
printf X | dd of="$store/$warm/memory" bs=1 seek=100 conv=notrunc status=none
run "$FCVM" snapshot verify warm
check "an altered one is found" contains "$err" "memory is not what it was"
run "$FCVM" snapshot rm warm again piped
check "rm removes them" test "$rc" -eq 0 -a -z "$(ls -A "$store" | grep -v '^\.lock$')"

# Killed while it is made, at whatever point: no snapshot, and nothing that stays.
start slow
"$FCVM" snapshot create slow >/dev/null 2>&1 &
maker=$!
until [ -e "$(echo "$store"/.making-*/base.img)" ]; do sleep 0.02; done
run "$FCVM" gc
check "what is being made is left alone" test -e "$(echo "$store"/.making-*/memory)"
kill -9 $maker
wait $maker 2>/dev/null
run "$FCVM" snapshot ls --json
check "what was killed is no snapshot" test "$out" = "[]"
run "$FCVM" gc
check "and is removed" test -z "$(ls -A "$store" | grep -v '^\.lock$')"

# A start that has to do with snapshots: what cannot be is refused before there is a VM.
export FCVM_PLUGIN_PATH="$FCVM_BUILD/lib/fcvm/examples" FCVM_RUN_VMM=pretend FCVM_RUN_NETWORK=none
mkdir -p "$FCVM_DATA_DIR/guests/current"
touch "$FCVM_DATA_DIR/guests/current"/{vmlinuz,initrd,base.ext4,hello.tar}
printf '{"key":"k","suite":"s","architecture":"a","kernel":{"version":"6","source":"x"},"agent":{"sha256":"0"},"files":{}}' \
  >"$FCVM_DATA_DIR/guests/current/guest.json"
run "$FCVM" snapshot create web --tag taken
# refused MESSAGE WORD...: an error that says so, and how to do it.
refused() {
  local said=$1
  shift
  run "$FCVM" "$@"
  check "refused: $*" test "$rc" -eq 125
  check "says: $said" contains "$err" "$said"
  check "and a way: $*" contains "$err" "to fix: "
}
refused "--snapshot: a VM that fcvm create makes boots" create --snapshot taken fcvm/hello
refused "--save-snapshot: a VM that fcvm create makes does not run yet" create --save-snapshot t fcvm/hello
refused "there is a snapshot taken already" run --save-snapshot taken fcvm/hello
refused "the snapshot needs a name" prepare fcvm/hello
refused "--no-snapshot: to make one is all" prepare --tag t --no-snapshot fcvm/hello
run "$FCVM" run --save-snapshot ../t fcvm/hello
check "a tag is a name" contains "$err" "--save-snapshot"
run "$FCVM" create --dry-run --no-snapshot --snapshot taken --save-snapshot t fcvm/hello
check "--no-snapshot overrules all of it" test "$rc" -eq 0
run env FCVM_NO_SNAPSHOT=1 "$FCVM" create --dry-run --snapshot taken fcvm/hello
check "so does FCVM_NO_SNAPSHOT" test "$rc" -eq 0
run "$FCVM" prepare --dry-run --tag t fcvm/hello
check "prepare tells what it would run" test "$(jq -r .image <<<"$out")" = fcvm/hello
check "nothing of all this made a VM" test "$("$FCVM" ps -aq | wc -l)" -eq 2
"$FCVM" snapshot rm taken >/dev/null

# A file system that is full.
if [ "$(id -u)" -eq 0 ] && mkdir -p "$scratch/small" && mount -t tmpfs -o size=16k tmpfs "$scratch/small" 2>/dev/null; then
  rmdir "$store" 2>/dev/null || rm -rf "$store"
  mkdir -p "$scratch/small/store" && ln -s "$scratch/small/store" "$store"
  run "$FCVM" snapshot create web --tag full
  check "a full disk fails" test "$rc" -eq 125
  check "and says so" contains "$err" "No space left"
  check "and leaves nothing" test -z "$(ls -A "$store/" | grep -v '^\.lock$')"
  umount "$scratch/small"
fi
finish
