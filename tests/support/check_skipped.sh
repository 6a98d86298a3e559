#!/usr/bin/env bash
# check_skipped.sh ALLOWED LOG: fails, and says which, when LOG (ctest's LastTest.log) has a test that
# was skipped and is not allowed to be. A line of ALLOWED: the test's name in ctest, a colon, a part of
# what it says ("*": anything), then " # " and why it may be skipped.
set -euo pipefail
allowed=$1 log=$2
status=0

may_be() {
  local name part
  while IFS=: read -r name part; do
    [ "$name" = "$1" ] || continue
    part=${part%% # *}
    part=${part# }
    [ "$part" = '*' ] && return 0
    case $2 in *"$part"*) return 0 ;; esac
  done < <(grep -v '^#' "$allowed")
  return 1
}

# "3/40 Testing: unit/core/base", then what it printed.
while IFS=$'\t' read -r test line; do
  may_be "$test" "$line" && continue
  echo "not allowed in CI: $test: $line" >&2
  status=1
done < <(awk '/^[0-9]+\/[0-9]+ Testing: / { test = $3 } /^skipped: / { print test "\t" $0 }' "$log")
exit $status
