# fcvm setup and doctor from the outside, as far as that takes no download.
. "$(dirname "$0")/../support/assert.sh"
export FCVM_DATA_DIR=$scratch/data
unset FCVM_BASE_DIR XDG_DATA_HOME

run "$FCVM" setup --dry-run
check "a dry run succeeds" test "$rc" -eq 0
check "names what would be made" contains "$out" "to be made"
check "and where" contains "$out" "$scratch/data/guests"
check "and makes nothing" test ! -e "$scratch/data"

run "$FCVM" setup --dry-run --json
check "as JSON, with a key for each piece" test "$(jq -r '[.pieces[] | .name + (.key | length | tostring)] | join(" ")' <<<"$out")" = "rootfs16 kernel16 initrd16 hello16"
first=$(jq -r .inputs <<<"$out")
run "$FCVM" setup --dry-run --json --suite bookworm
check "another suite has other keys" test "$(jq -r .inputs <<<"$out")" != "$first"
mkdir -p "$FCVM_CONFIG_ROOT/etc/fcvm"
printf '[setup]\nsuite = "bookworm"\n' >"$FCVM_CONFIG_ROOT/etc/fcvm/fcvm.toml"
second=$(jq -r .inputs <<<"$out")
run "$FCVM" setup --dry-run --json
check "wherever it is set" test "$(jq -r .inputs <<<"$out")" = "$second"
run "$FCVM" setup --dry-run --json --suite trixie
check "the command line wins" test "$(jq -r .inputs <<<"$out")" = "$first"
rm "$FCVM_CONFIG_ROOT/etc/fcvm/fcvm.toml"

run env -u FCVM_DATA_DIR FCVM_BASE_DIR="$scratch/base" "$FCVM" setup --dry-run
check "the original's variable names the directory, too" contains "$out" "$scratch/base/guests"

run "$FCVM" setup --kernel path
check "a kernel of a path needs the path" contains "$err" "--kernel-path FILE"
run "$FCVM" setup --kernel url --kernel-url file:///nonexistent
check "one of a URL needs the digest" contains "$err" "--kernel-sha256"
run "$FCVM" setup --kernel path --kernel-path "$scratch/none" --dry-run
check "a kernel that is not there fails with 125" test "$rc" -eq 125
check "and is named" contains "$err" "$scratch/none"
run "$FCVM" setup --kernel moon
check "an unknown source is refused with the known ones" contains "$err" "one of \`suite\`, \`host\`, \`path\`, \`url\`"
run "$FCVM" setup 20G
check "a size alone makes no sense" contains "$err" "--storage btrfs 20G"

# Programs that are missing, by a PATH in which they are not.
mkdir "$scratch/bin"
for program in sh tar xz env; do ln -s "$(command -v "$program")" "$scratch/bin/"; done
run env PATH="$scratch/bin" "$FCVM" setup
check "a missing program fails with 125" test "$rc" -eq 125
check "is named" contains "$err" "mmdebstrap"
check "with the package that has it" contains "$err" "to fix: apt install mmdebstrap"
check "before anything is made" test ! -e "$scratch/data"

# mmdebstrap's own words reach the user.
printf '#!/bin/sh\necho "I: starting" >&2\necho "E: could not resolve the mirror" >&2\nexit 25\n' >"$scratch/bin/mmdebstrap"
chmod +x "$scratch/bin/mmdebstrap"
printf '#!/bin/sh\n' | tee "$scratch/bin/fakeroot" "$scratch/bin/newuidmap" >"$scratch/bin/newgidmap"
chmod +x "$scratch/bin/"{fakeroot,newuidmap,newgidmap}
if [ "$(id -u)" -eq 0 ]; then
  run env PATH="$scratch/bin" "$FCVM" setup
  check "a failed mmdebstrap fails with 125" test "$rc" -eq 125
  check "with its error" contains "$err" "E: could not resolve the mirror"
  check "without its chatter" test -z "$(grep 'I: starting' <<<"$err")"
  check "with the log" contains "$(cat "$scratch/data/guests/setup.log")" "I: starting"
  check "and what to do" contains "$err" "--mirror URL"
  check "and leaves no work in progress" test -z "$(find "$scratch/data/guests" -name '.tmp-*')"
fi

run "$FCVM" doctor --json
check "doctor prints JSON" test "$(jq -r '.checks | length > 15' <<<"$out")" = true
check "each check is complete" test "$(jq -r '[.checks[] | has("name") and has("found") and has("why") and has("fix") and (.verdict | test("^(pass|warn|fail)$"))] | all' <<<"$out")" = true
check "what does not pass has a fix" test "$(jq -r '[.checks[] | select(.verdict != "pass") | .fix != ""] | all' <<<"$out")" = true
check "without a guest nothing runs" test "$rc" -eq 125
check "and it says so" test "$(jq -r '.ready, (.checks[] | select(.name == "guest") | .fix)' <<<"$out" | paste -sd ' ')" = "false fcvm setup"
run "$FCVM" doctor
check "doctor for people tells the fix" contains "$out" "to fix: fcvm setup"
check "and the verdict" contains "$out" "cannot run VMs yet"
finish
