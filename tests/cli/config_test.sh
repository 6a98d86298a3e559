# fcvm config show and check, from the outside.
. "$(dirname "$0")/../support/assert.sh"

etc=$FCVM_CONFIG_ROOT/etc/fcvm
mkdir -p "$etc/conf.d" "$XDG_CONFIG_HOME/fcvm"

run "$FCVM" config show --json
check "without files the built-in values hold" test "$rc" -eq 0
check "as JSON" test "$(jq -r .run.cpus <<<"$out")" = 2

printf '[run]\ncpus = 4\n[profile.big]\nmem = "8G"\n[profile.huge]\ninherits = "big"\ncpus = 16\n' >"$etc/fcvm.toml"
printf '[run]\nrootfs-size = "20G"\n' >"$etc/conf.d/10-disk.toml"
run "$FCVM" config show --origin
check "a value names its file, line and column" contains "$out" "etc/fcvm/fcvm.toml:2:1"
check "so does one from conf.d" contains "$out" "conf.d/10-disk.toml:2:1"

run "$FCVM" config show --json --profile huge
check "a profile inherits" test "$(jq -r '.run | "\(.cpus) \(.mem)"' <<<"$out")" = "16 8G"
run env FCVM_RUN_CPUS=7 "$FCVM" config show --json --profile huge
check "the environment beats a profile" test "$(jq -r .run.cpus <<<"$out")" = 7

run "$FCVM" config show --profile hgue
check "an unknown profile fails with 125" test "$rc" -eq 125
check "and is corrected" contains "$err" "huge"

printf '[run]\ncpsu = 4\n' >"$scratch/typo.toml"
run "$FCVM" config check "$scratch/typo.toml"
check "a mistake fails with 125" test "$rc" -eq 125
check "with its place" contains "$err" "typo.toml:2:1"
check "and the nearest name" contains "$err" "did you mean \`cpus\`?"

run "$FCVM" config check
check "good files are named" contains "$out" "10-disk.toml: good"

printf '[profile.a]\ninherits = "b"\n[profile.b]\ninherits = "a"\n' >"$scratch/cycle.toml"
run "$FCVM" config check "$scratch/cycle.toml"
check "a cycle of profiles is named" contains "$err" "a -> b -> a"

printf '[run]\nname = "\xff\xfe"\n' >"$scratch/bytes.toml"
run "$FCVM" config check "$scratch/bytes.toml"
check "bad UTF-8 is an error with its place" contains "$err" "bytes.toml:2:"

head -c 10000000 /dev/zero | tr '\0' '[' | sed 's/^/x = /' >"$scratch/deep.toml"
run "$FCVM" config check "$scratch/deep.toml"
check "ten megabytes of nesting are refused" test "$rc" -eq 125
check "clearly" contains "$err" "deep.toml"

run "$FCVM" config check "$scratch"
check "a directory in a file's place is refused" contains "$err" "directory"

# Values that have their type, and yet are none.
cat >"$scratch/values.toml" <<'TOML'
[run]
publish = ["80:x"]
hostname = "a b"
detach-keys = "ctrl-,"
[profile.slow]
network-rate = "a little"
[plugin.vmm.nosuch]
TOML
run "$FCVM" config check "$scratch/values.toml"
check "a port that is none is a mistake" contains "$err" "values.toml:2:1: \`publish\`: "
check "so is a host name" contains "$err" "values.toml:3:1: \`hostname\`: "
check "and a key" contains "$err" "values.toml:4:1: \`detach-keys\`: "
check "in a profile, too" contains "$err" "values.toml:6:1: \`network-rate\`: "
check "each once" test "$(grep -c 'values.toml:2:1' <<<"$err")" -eq 1
check "a plugin that is not there is a warning" contains "$err" "[plugin.vmm.nosuch] has no effect"
check "which fails with 125" test "$rc" -eq 125
run "$FCVM" config check
check "other files are not judged by it" test "$rc" -eq 0
cp "$scratch/values.toml" "$etc/conf.d/50-values.toml"
run "$FCVM" config check
check "without files, all layers are" contains "$err" "50-values.toml:6:1: \`network-rate\`: "
rm "$etc/conf.d/50-values.toml"

# Refused at once, whether or not they are used.
for option in "--hostname=a b" "--detach-keys=ctrl-,"; do
  run env FCVM_DATA_DIR="$scratch/data" FCVM_PATHS_RUNTIME_DIR="$scratch/run" "$FCVM" run "$option" --dry-run image
  check "$option is refused" test "$rc" -eq 125
  check "by its name" contains "$err" "${option%%=*}: "
done

"$FCVM" config sample >"$scratch/sample.toml"
run "$FCVM" config check "$scratch/sample.toml"
check "the sample is valid" test "$rc" -eq 0

printf '[log]\nlevel = "shout"\n' >"$etc/conf.d/90-bad.toml"
run "$FCVM" --log-format json plugin ls
check "a broken configuration stops other verbs with 125" test "$rc" -eq 125
check "as JSON where that was asked for" test "$(jq -r .level <<<"$err")" = error
run "$FCVM" config check
check "but config check shows it" contains "$err" "90-bad.toml:2:"
run "$FCVM" --version
check "and --version does not care" test "$rc" -eq 0
# What ends a VM, or shows it, takes what is right of the configuration, and tells the rest.
for verb in ls "config show"; do
  # shellcheck disable=SC2086
  run "$FCVM" $verb
  check "$verb goes on" contains "$err" "90-bad.toml:2:"
  check "and does its work" test -n "$out"
done
for verb in stop rm logs inspect; do
  run "$FCVM" "$verb" nosuch
  check "$verb goes on" contains "$err" "90-bad.toml:2:"
  check "and looks for its VM" contains "$err" "nosuch"
done
run "$FCVM" doctor --json
check "doctor names it by itself" contains "$(jq -r '.checks[] | select(.name == "configuration").found' <<<"$out")" "90-bad.toml:2:"
check "and judges it" test "$(jq -r '.checks[] | select(.name == "configuration").verdict' <<<"$out")" = fail
check "and says it once" test -z "$err"
run "$FCVM" --log-level shout ls
check "what was typed has to be right" test "$rc" -eq 125
# Another mistake takes no path away; a file that is no TOML does, which is said with what is shown.
printf '[log]\nlevel = "shout"\n[paths]\ndata-dir = "%s/elsewhere"\nruntime-dir = "%s/run"\n' "$scratch" "$scratch" >"$etc/conf.d/90-bad.toml"
run "$FCVM" config show --json
check "paths beside a mistake hold" test "$(jq -r '.paths["data-dir"]' <<<"$out")" = "$scratch/elsewhere"
check "and nothing is said of them" test -z "$(grep 'could not be read' <<<"$err")"
printf '[paths]\ndata-dir = "%s/elsewhere"\n[log\n' "$scratch" >"$etc/conf.d/90-bad.toml"
run env -u FCVM_DATA_DIR FCVM_PATHS_RUNTIME_DIR="$scratch/run" "$FCVM" ls
check "a file that cannot be read is named" contains "$err" "90-bad.toml could not be read"
shown=$(FCVM_PATHS_RUNTIME_DIR="$scratch/run" "$FCVM" config show --json 2>/dev/null | jq -r '.paths["data-dir"]')
check "with the directory that is shown" contains "$err" "the VMs of $shown are meant"
run env FCVM_DATA_DIR="$scratch/data" FCVM_PATHS_RUNTIME_DIR="$scratch/run" "$FCVM" ls
check "but not where the environment names it" test -z "$(grep 'could not be read' <<<"$err")"
run "$FCVM" doctor
check "doctor names the place of what is no TOML" contains "$out" "90-bad.toml:3:"
printf '[run]\ncpus = 2\n' >"$etc/conf.d/90-bad.toml"
run "$FCVM" doctor
check "doctor says when the configuration is right" contains "$(grep '^pass  configuration' <<<"$out")" "90-bad.toml is right"
run "$FCVM" --config /dev/null version
check "version is there behind an option" contains "$out" "fcvm "
run "$FCVM" -v
check "and as podman has it" contains "$out" "fcvm "
finish
