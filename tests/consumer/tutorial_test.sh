#!/bin/bash
# The tutorial, word for word: writes every block marked file=NAME, runs every command of the console
# blocks and compares what it prints. In expected output `...` stands for any text within a line,
# and on a line of its own for any number of lines.
. "$(dirname "$0")/../support/assert.sh"
. "$FCVM_SOURCE/tests/consumer/installed.sh"

unset XDG_CONFIG_HOME
work="$HOME/net-tap" steps="$scratch/steps"
mkdir -p "$work" "$steps"

# One numbered file per step: N.file holds a name and then the text, N.run a command and then what it
# is expected to print.
awk -v steps="$steps" '
  function step(kind) { out = sprintf("%s/%03d.%s", steps, ++count, kind) }
  /^```/ && inside { inside = 0; next }
  /^```.* file=/ { inside = 1; step("file"); sub(/.* file=/, ""); print > out; next }
  /^```console$/ { inside = 2; next }
  /^```/ { inside = 3; next }
  inside == 2 && /^\$ / { step("run"); print substr($0, 3) > out; next }
  inside == 1 || inside == 2 { print > out }
' "$FCVM_SOURCE/plugin-api/TUTORIAL.md"

# as_expected FILE: $out against the lines of FILE after the first.
as_expected() {
  python3 - "$1" "$scratch/out" <<'PY'
import re, sys
want = open(sys.argv[1]).read().split("\n", 1)[1]
pattern = "".join(
    r"(?:.*\n)*?" if line.strip() == "..." else
    ".*".join(re.escape(part) for part in line.rstrip("\n").split("...")) + r"\n"
    for line in want.splitlines(keepends=True))
got = open(sys.argv[2]).read()
if got and not got.endswith("\n"): got += "\n"
sys.exit(re.fullmatch(pattern, got) is None)
PY
}

cd "$work" || exit 1
for one in "$steps"/*; do
  first=$(head -n 1 "$one")
  case $one in
    *.file)
      target=${first/#\~/$HOME}
      mkdir -p "$(dirname "$target")"
      tail -n +2 "$one" >"$target"
      check "the tutorial gives $first" [ -s "$target" ]
      ;;
    *.run)
      case ${first%% *} in fcvm | fcvm-plugin-check) installed "${first%% *}" || continue ;; esac
      bash -c "$first" >"$scratch/out" 2>&1
      rc=$? out=$(cat "$scratch/out") err=
      check "$first: succeeds" [ "$rc" -eq 0 ]
      check "$first: prints what the tutorial says" as_expected "$one"
      ;;
  esac
done
finish
