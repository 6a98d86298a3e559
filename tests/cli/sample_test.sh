# The shipped configuration: etc/fcvm.toml is what `fcvm config sample` prints, and it and the
# sample profiles are valid.
. "$(dirname "$0")/../support/assert.sh"
# The plugins of the build, and no others.
unset FCVM_PLUGIN_PATH FCVM_PATHS_PLUGIN_DIRS FCVM_PROFILE

shipped=$FCVM_SOURCE/etc/fcvm.toml
run "$FCVM" config sample
# The default QEMU is that of the machine; the shipped file is for x86_64.
sed s/qemu-system-aarch64/qemu-system-x86_64/ <<<"$out" >"$scratch/sample.toml"
check "the sample is printed" test "$rc" -eq 0
run diff -u "$shipped" "$scratch/sample.toml"
check "etc/fcvm.toml is it (to fix: fcvm config sample > etc/fcvm.toml)" test "$rc" -eq 0

run "$FCVM" config check "$shipped"
check "etc/fcvm.toml is valid" test "$rc" -eq 0
run "$FCVM" --config "$shipped" config show --origin --json
check "and sets nothing" test "$(jq '[.. | .origin? // empty | select(.layer != "built-in")] | length' <<<"$out")" = 0
sed 's/^#\([[a-z]\)/\1/' "$shipped" >"$scratch/all.toml"
run "$FCVM" config check "$scratch/all.toml"
check "also with every setting uncommented" test "$rc" -eq 0
run cmp "$shipped" "$FCVM_BUILD/share/fcvm/fcvm.toml"
check "the build tree has it as its lowest layer" test "$rc" -eq 0

profiles=$FCVM_SOURCE/etc/conf.d/profiles.toml.sample
run "$FCVM" config check "$profiles"
check "the sample profiles are valid" test "$rc" -eq 0
for name in $(sed -n 's/^\[profile\.\(.*\)\]$/\1/p' "$profiles"); do
  run "$FCVM" --config "$profiles" --profile "$name" config show --origin --json
  check "profile $name is usable" test "$rc" -eq 0
done
finish
