# scenario: exit codes are the container's own, 127 for a missing command
. "$(dirname "$0")/../machine.sh"

# outcome NAME COMMAND...: runs it beside the others; its code and output are in NAME's files.
outcome() {
  local name=$1
  shift
  vm --rm --name "$(named "$name")" "$@" >"$scratch/$name.out" 2>"$scratch/$name.err"
  echo $? >"$scratch/$name.rc"
}
# seen NAME: makes it the last run, for check to show.
seen() { rc=$(cat "$scratch/$1.rc") out=$(cat "$scratch/$1.out") err=$(cat "$scratch/$1.err"); }

outcome own -e 'GREETING=hello world' --workdir /tmp fcvm/hello \
  sh -c 'echo "$GREETING"; pwd; echo to stderr >&2; exit 7' &
outcome missing fcvm/hello no-such-command &
wait
seen own
check "the container's exit code is fcvm's" test "$rc" -eq 7
check "its environment and directory are as asked" test "$out" = "$(printf 'hello world\n/tmp')"
check "stderr is stderr" test "$err" = "to stderr"
seen missing
check "127 for a command that is not there" test "$rc" -eq 127
check "nothing is left" nothing_left
finish
