# fcvm-plugin-check: every broken plugin fails its own rule and no other; every good one passes.
. "$FCVM_SOURCE/tests/support/assert.sh"
CHECK="$FCVM_BUILD/bin/fcvm-plugin-check"
BROKEN="$FCVM_BUILD/tests/broken-plugins"
EXPECTED="$FCVM_SOURCE/tests/broken-plugins/expected.txt"

# patched NAME OFFSET OCTAL-BYTES: good_bare.so with other bytes at an offset.
patched() {
  cp "$BROKEN/good_bare.so" "$scratch/$1.so"
  printf "$3" | dd of="$scratch/$1.so" bs=1 seek="$2" conv=notrunc status=none
}
make_broken_files() {
  echo "no plugin" >"$scratch/file__not_elf.so"
  : >"$scratch/file__empty.so"
  head -c 5000 "$BROKEN/good_bare.so" >"$scratch/file__truncated.so"
  patched file__other_class 4 '\001'     # EI_CLASS: 32 bits
  patched file__other_machine 18 '\010'  # e_machine: MIPS
  cp "$CHECK" "$scratch/file__program.so"
  cp "$BROKEN/good_bare.so" "$scratch/file__world_writable.so"
  chmod o-w "$scratch"/file__*.so
  chmod o+w "$scratch/file__world_writable.so"
}
path_of() { if [ -e "$scratch/$1.so" ]; then echo "$scratch/$1.so"; else echo "$BROKEN/$1.so"; fi; }
# unusual: "case status" of every case that neither passed nor was skipped, in the last run.
unusual() {
  jq -r '.[].cases[] | select(.status != "passed" and .status != "skipped")
         | "\(.case) \(.status)"' "$scratch/out"
}
fails_only() { [ "$rc" -eq 1 ] && [ "$(unusual)" = "$1" ]; }
explains() {
  jq -e '.[].cases[] | select(.status == "failed" or .status == "crashed")
         | (.what != "") and (.remedy != "") and (.section != "")' "$scratch/out" >/dev/null
}
all_passed() {
  [ "$rc" -eq 0 ] && jq -e 'all(.[].cases[]; .status == "passed")' "$scratch/out" >/dev/null
}

make_broken_files
while read -r name case status; do
  case $name in '' | '#'*) continue ;; esac
  run "$CHECK" --json --timeout 5s "$(path_of "$name")"
  check "$name fails only $case" fails_only "$case $status"
  check "$name is told why and what to do" explains
done <"$EXPECTED"

for good in good_bare good_sdk; do
  run "$CHECK" --json --strict "$BROKEN/$good.so"
  check "$good passes everything" all_passed
done
for plugin in "$FCVM_BUILD"/lib/fcvm/examples/*.so "$FCVM_BUILD"/lib/fcvm/plugins/*.so; do
  [ -e "$plugin" ] || continue
  run "$CHECK" --json --strict "$plugin"
  check "${plugin##*/} breaks no rule" test "$rc" -eq 0
done
# What is made up for a required option is no URL, and it would not wait.
run "$CHECK" --json --strict --set url=http://localhost:8080/ "$FCVM_BUILD/lib/fcvm/plugins/readiness.http.so"
check "readiness.http breaks no rule where it waits" test "$rc" -eq 0
check "and its wait was tried" jq -e '.[].cases[] | select(.case == "cancel").status == "passed"' "$scratch/out"

# Every case has a broken plugin, and stands in the law when the law is there.
run "$CHECK" --list --json
check "--list --json is JSON" jq -e 'length > 15' "$scratch/out"
jq -r '.[] | "\(.case)\t\(.section)"' "$scratch/out" >"$scratch/cases"
while IFS=$(printf '\t') read -r case section; do
  check "a broken plugin fails $case" grep -q " $case " "$EXPECTED"
  law="$FCVM_SOURCE/plugin-api/DESIGN.md"
  [ ! -e "$law" ] || check "DESIGN.md has the section $section" grep -qx "## $section" "$law"
done <"$scratch/cases"

run "$CHECK" --case descriptor "$BROKEN/descriptor__bad_id.so"
check "a person reads the status and the rule" contains "$out" "failed   descriptor"
check "and where it stands" contains "$out" "plugin-api/DESIGN.md, \"Descriptor and options\""
check "and what to do" contains "$out" "to do: "
check "without colour in a pipe" test "$(contains "$out" "$(printf '\033')"; echo $?)" -eq 1
run "$CHECK" --json --case no-output "$BROKEN/no_output__stdout.so"
check "--case shows that case alone" test "$(jq '.[].cases | length' "$scratch/out")" -eq 1
check "but runs what it needs" test "$rc" -eq 1
run "$CHECK" --set pattern=x --set interval=soon --case create-destroy "$BROKEN/good_bare.so"
check "--set of the wrong type is told" contains "$out" "not a duration"
run "$CHECK" "$BROKEN/good_bare.so" "$BROKEN/descriptor__bad_id.so"
check "several files: one bad one decides" test "$rc" -eq 1
for wrong in "" "--no-such-option x" "--case nonsense $BROKEN/good_bare.so" "--timeout soon x" \
  "$scratch/absent.so"; do
  run "$CHECK" $wrong
  check "exit code 125 for '$wrong'" test "$rc" -eq 125
  check "with a message for '$wrong'" contains "$err" "fcvm-plugin-check"
done
run "$CHECK" --version
check "--version" contains "$out" "fcvm-plugin-check "
run "$CHECK" --help
check "--help" contains "$out" "--strict"
finish
