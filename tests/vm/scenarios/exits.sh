# scenario: exit codes are the container's own, 127 for a missing command
. "$(dirname "$0")/../machine.sh"

run vm --rm --name "$(named own)" -e 'GREETING=hello world' --workdir /tmp fcvm/hello \
  sh -c 'echo "$GREETING"; pwd; echo to stderr >&2; exit 7'
check "the container's exit code is fcvm's" test "$rc" -eq 7
check "its environment and directory are as asked" test "$out" = "$(printf 'hello world\n/tmp')"
check "stderr is stderr" test "$err" = "to stderr"
run vm --rm --name "$(named missing)" fcvm/hello no-such-command
check "127 for a command that is not there" test "$rc" -eq 127
check "nothing is left" nothing_left
finish
