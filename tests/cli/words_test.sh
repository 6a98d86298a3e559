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
run "$FCVM" run -v /a:/b image
check "nothing is suggested for a letter" test -z "$(grep 'did you mean' <<<"$err")"
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

run "$FCVM" plugin inspect nothing
check "errors start with the program's name" test "${err%% *}" = fcvm:
check "and say what to do" contains "$err" "to fix:"
run env -u NO_COLOR "$FCVM" plugin inspect nothing
check "no colour goes into a pipe" test -z "$(grep -o $'\033' <<<"$err")"
tty_run() { script -qec "$1" /dev/null </dev/null; }
check "colour goes to a terminal" contains "$(tty_run "$FCVM plugin inspect nothing")" $'\033['
check "unless NO_COLOR is set" test -z "$(NO_COLOR=1 tty_run "$FCVM plugin inspect nothing" | grep -o $'\033')"
finish
