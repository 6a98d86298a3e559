# Verbs, help, mistakes, and how errors look.
. "$(dirname "$0")/../support/assert.sh"

run "$FCVM" --version
check "--version prints one line" test "${out%% *}" = fcvm
run "$FCVM" --help
check "--help succeeds" test "$rc" -eq 0
verbs=$(sed -n '/^Verbs:/,/^Global/s/^  \([a-z]*\( [a-z]*\)\{0,1\}\).*/\1/p' <<<"$out")
check "and lists verbs" contains "$verbs" "plugin ls"
while read -r verb; do
  # shellcheck disable=SC2086
  run "$FCVM" $verb --help
  check "fcvm $verb --help is there" test "$rc" -eq 0
  check "and shows its usage" contains "$out" "Usage: fcvm $verb"
  check "and fits 80 columns" test -z "$(awk 'length($0) > 80' <<<"$out")"
done <<<"$verbs"

run "$FCVM"
check "no verb at all is a failure that shows the help" test "$rc" -eq 125
run "$FCVM" plugn ls
check "a mistyped verb exits with 125" test "$rc" -eq 125
check "and is corrected" contains "$err" "did you mean"
run "$FCVM" plugin
check "half a verb shows its continuations" contains "$err" "fcvm plugin inspect"
run "$FCVM" plugin ls --jsn
check "a mistyped option is corrected" contains "$err" "did you mean \`--json\`?"
run "$FCVM" run --cpus many image
check "a wrong value leads to the verb's help" contains "$err" "fcvm run --help"
run "$FCVM" run --memroy 1g image
check "so is one that has another name" contains "$err" "did you mean \`--memory\`?"
run "$FCVM" run -z image
check "nothing is suggested for a letter" test -z "$(grep 'did you mean' <<<"$err")"
run "$FCVM" run --mount type=bind,src=/a,dst=/b image
check "an option that podman has is named" contains "$err" "--mount of podman is not there yet"
check "with what to use" contains "$err" "fcvm run --volume"
for verb in checkpoint push build machine kube "pod create" play network volume secret manifest artifact \
  auto-update "podman container checkpoint"; do
  # shellcheck disable=SC2086
  run "$FCVM" $verb x
  check "a verb that podman has is named: $verb" contains "$err" "of podman is not there yet"
  check "and has a remedy" contains "$err" "to fix:"
done
# An option that podman has by this name is never taken for a neighbour in spelling.
while read -r words; do
  # shellcheck disable=SC2086
  run "$FCVM" $words x
  check "an option that podman has is named: $words" contains "$err" "of podman is not there yet"
  check "and nothing near is suggested: $words" test -z "$(grep 'did you mean' <<<"$err")"
done <<'OPTIONS'
rm -v
rm --time 3
rm --depend
stop --signal HUP
inspect -t container
inspect --size
run -c 512
run --cpu-shares 512
run --cpuset-mems 0
run --health-startup-cmd true
run --no-hostname
ps --pod
ls --watch
logs --color
exec --preserve-fds 3
OPTIONS
run "$FCVM" plugin ls --sort name
check "what is not near is not suggested" test -z "$(grep 'did you mean' <<<"$err")"
run "$FCVM" ls --srot names
check "what is swapped is near" contains "$err" "did you mean \`--sort\`?"
run "$FCVM" container
check "container shows what podman has" contains "$err" "fcvm container exec"
run "$FCVM" container ls --help
check "container X is X" contains "$out" "Usage: fcvm ls"
run "$FCVM" podman container inspect --help
check "also behind podman" contains "$out" "Usage: fcvm inspect"
run "$FCVM" container setup
check "but not what podman has not" contains "$err" 'no verb'
run "$FCVM" run -m 1024 image
check "a bare -m counts bytes" contains "$err" "1K of memory is too little"
check "with a remedy" contains "$err" "-m 512m"
run "$FCVM" run -m 100T image
check "more memory than the host has is refused" contains "$err" "more than this host has"
run "$FCVM" --jsn
check "an option without a verb is called an option" contains "$err" "unknown option --jsn"
run "$FCVM" --log-level debug
check "and a global one lacks its verb" contains "$err" "a verb is missing"
run "$FCVM" --log-level debug frob
check "a wrong verb behind options is named alone" contains "$err" 'no verb "frob"'
run "$FCVM" frob image
check "and without what follows it" contains "$err" 'no verb "frob"'
run "$FCVM" podman
check "podman's group shows all of podman's verbs" contains "$err" "fcvm podman exec"
run "$FCVM" help port add
check "help VERB is VERB --help" contains "$out" "Usage: fcvm port add"
run "$FCVM" plugin inspect
check "a missing argument is an error with usage" contains "$err" "[--json] ID"
run "$FCVM" --log-level debug plugin ls
check "global options may stand before the verb" test "$rc" -eq 0

run env FCVM_RUN_CPSU=1 "$FCVM" plugin ls
check "warnings look as errors do" test "${err%% the*}" = "fcvm: warning: config:"
run env FCVM_RUN_CPSU=1 "$FCVM" --log-level debug plugin ls
check "with times where more is asked for" grep -qE '^[0-9:.]+ warning config: the' <<<"$err"
run env FCVM_RUN_CPSU=1 "$FCVM" --log-format json plugin ls
check "and always as JSON" test "$(jq -r '.time | length' <<<"$err")" -gt 20
run "$FCVM" plugin inspect nothing
check "errors start with the program's name" test "${err%% *}" = fcvm:
check "and say what to do" contains "$err" "to fix:"
run env -u NO_COLOR "$FCVM" plugin inspect nothing
check "no colour goes into a pipe" test -z "$(grep -o $'\033' <<<"$err")"
tty_run() { script -qec "$1" /dev/null </dev/null; }
check "colour goes to a terminal" contains "$(tty_run "$FCVM plugin inspect nothing")" $'\033['
check "unless NO_COLOR is set" test -z "$(NO_COLOR=1 tty_run "$FCVM plugin inspect nothing" | grep -o $'\033')"
finish
