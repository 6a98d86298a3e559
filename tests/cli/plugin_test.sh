# fcvm among plugins that cannot be used: each is reported for its own reason, and hides no other.
. "$(dirname "$0")/../support/assert.sh"

broken=$FCVM_BUILD/tests/broken-plugins
examples=$FCVM_BUILD/lib/fcvm/examples
unset FCVM_PLUGIN_PATH
dir=$scratch/plugins
mkdir "$dir"

run "$FCVM" plugin ls --json
check "the shipped plugins are listed" test "$(jq -r '.plugins[].id' <<<"$out" | grep -c .)" -ge 2
check "and all are usable files" test "$rc" -eq 0
run env FCVM_PLUGIN_PATH="$examples" "$FCVM" plugin ls --json
check "examples come from FCVM_PLUGIN_PATH" test "$(jq -r '[.plugins[].id | select(. == "net.null" or . == "vmm.pretend" or . == "image.directory" or . == "memory.plain-file" or . == "readiness.file-exists")] | length' <<<"$out")" -eq 5
run env FCVM_PLUGIN_PATH="$examples" "$FCVM" plugin inspect net.null
check "inspect tells whether it works here" contains "$out" "Here:          usable"
check "and where it is" contains "$out" "$examples/net.null.so"
run env FCVM_PLUGIN_PATH="$examples" "$FCVM" plugin inspect --json file-exists
check "a short name will do, and JSON has the options" test "$(jq -r '.options[0].name' <<<"$out")" = path
run "$FCVM" plugin check "$examples/net.null.so"
check "plugin check passes a good plugin" test "$rc" -eq 0
run env FCVM_PLUGIN_PATH="$examples" "$FCVM" plugin check net.null
check "also by its id" test "$rc" -eq 0
run env FCVM_PLUGIN_PATH="$examples" "$FCVM" plugin check net.nul
check "and corrects one that is mistyped" contains "$err" "net.null"

# rejected NAME REASON: with this file beside a good one, the good one is still there.
rejected() {
  run env FCVM_PLUGIN_PATH="$dir" "$FCVM" plugin ls --json
  check "$1: exit code 125" test "$rc" -eq 125
  check "$1: says $2" contains "$(jq -r '.rejected[] | .reason + " " + .file' <<<"$out")" "$2"
  check "$1: names the file" contains "$(jq -r '.rejected[].file' <<<"$out")" "$dir/"
  check "$1: hides no other" contains "$(jq -r '.plugins[].id' <<<"$out")" net.null
  rm -f "$dir"/bad*.so
}
cp "$examples/net.null.so" "$dir/good.so"

head -c 3000 "$dir/good.so" >"$dir/bad.so"
rejected truncated "is truncated"
echo "this is only a text, and not even a long one, but longer than an ELF header is" >"$dir/bad.so"
rejected text "is not an ELF object"
cp "$dir/good.so" "$dir/bad.so"
printf '\xf3' | dd of="$dir/bad.so" bs=1 seek=18 conv=notrunc status=none
rejected foreign "is built for riscv"
cp "$broken/export__missing.so" "$dir/bad.so"
rejected symbol "does not export fcvm_plugin_entry_v1"
cp "$broken/descriptor__newer_abi.so" "$dir/bad.so"
rejected newer "was built for plugin ABI 2"
cp "$FCVM_BUILD/tests/abi/draft_plugin.so" "$dir/bad.so"
rejected draft "was built for draft 1 of the plugin interface"
cp "$broken/descriptor__crash.so" "$dir/bad.so"
rejected crash "crash"
cp "$broken/descriptor__hang.so" "$dir/bad.so"
rejected hang "did not describe itself within"
cp "$dir/good.so" "$dir/bad.so" && chmod o+w "$dir/bad.so"
rejected writable "is writable by everybody"
cp "$dir/good.so" "$dir/zbad.so"
mv "$dir/zbad.so" "$dir/bad2.so"
run env FCVM_PLUGIN_PATH="$dir" "$FCVM" plugin ls --json
check "a duplicate names both files" contains "$(jq -r '.rejected[].reason' <<<"$out")" "is already that of $dir/bad2.so"
run env FCVM_PLUGIN_PATH="$dir" "$FCVM" run --dry-run --network net.null image
check "and neither of the two is used" contains "$err" "two plugins have the id net.null"
rm "$dir/bad2.so"

cp "$broken/descriptor__crash.so" "$dir/net.crash.so"
run env FCVM_PLUGIN_PATH="$dir" "$FCVM" plugin inspect net.crash
check "asking for a broken one tells why it is broken" contains "$err" "crash"
check "and does not take fcvm down" test "$rc" -eq 125
# Where root owns a directory such as /tmp, nobody else puts a plugin into another's place there.
if [ "$(id -u)" -eq 0 ]; then
  install -d -m 1777 "$scratch/shared"
  install -m 755 "$FCVM_BUILD/lib/fcvm/examples/net.null.so" -D -t "$scratch/shared/plugins"
  chmod -R go+rX "$scratch"
  run setpriv --reuid 1234 --regid 1234 --clear-groups unshare --user --map-current-user \
    env FCVM_PLUGIN_PATH="$scratch/shared/plugins" "$FCVM" plugin inspect net.null
  check "also in a user namespace in which root has no number" test "$rc" -eq 0
fi
# Options on the command line, and sections of plugins that are not there.
run "$FCVM" plugin inspect --json --set vmm.qemu.accel=tcg vmm.qemu
check "--set sets an option of a plugin" test "$rc" -eq 0
run "$FCVM" plugin inspect --set vmm.qemu.acel=tcg vmm.qemu
check "its names are checked" contains "$err" "did you mean \`accel\`?"
run "$FCVM" plugin inspect --set vmm.qemu.accel=warp vmm.qemu
check "its values are checked" contains "$err" "--set vmm.qemu.accel"
run "$FCVM" plugin inspect --set vmm.qemi.accel=tcg vmm.qemu
check "its plugins are checked" contains "$err" "there is no plugin \`vmm.qemi\`; did you mean \`vmm.qemu\`?"
run "$FCVM" plugin inspect --set accel=tcg vmm.qemu
check "its form is checked" contains "$err" "PLUGIN.OPTION=VALUE"
printf '[plugin.net.rootles]\nmtu = 1\n' >"$scratch/absent.toml"
run "$FCVM" plugin ls --config "$scratch/absent.toml"
check "a section of an absent plugin breaks nothing" test "$rc" -eq 0
check "but is warned of" contains "$err" "did you mean \`net.rootless\`?"
finish
