#!/bin/bash
# Every header of the interface compiles alone, without a warning, in every language that it promises
# and with both compilers: the C headers as C11, C17, C++17 and C++20, the SDK as C++17 and C++20.
. "$(dirname "$0")/../support/assert.sh"

include="$FCVM_SOURCE/plugin-api/include"
warnings="-Wall -Wextra -Wshadow -pedantic -Werror"

# headers_alone COMPILER LANGUAGE STANDARD SUFFIX: a file of one #include per header.
headers_alone() {
  local header source failures=0
  for header in $(cd "$include" && find fcvm -name "*.$4" | sort); do
    source="$scratch/alone.$2"
    printf '#include <%s>\n' "$header" >"$source"
    if ! $1 -x "$2" "-std=$3" $warnings -I"$include" -fsyntax-only "$source" 2>"$scratch/said"; then
      printf '<%s> with %s as %s:\n' "$header" "$1" "$3" >&2
      head -20 "$scratch/said" >&2
      failures=$((failures + 1))
    fi
  done
  [ "$failures" -eq 0 ]
}

for compilers in "gcc g++" "clang clang++"; do
  set -- $compilers
  if ! command -v "$2" >/dev/null; then
    echo "no $2 here: not checked with it"
    continue
  fi
  for standard in c11 c17; do
    check "the C headers are $standard with $1" headers_alone "$1" c "$standard" h
  done
  for standard in c++17 c++20; do
    check "the C headers are $standard with $2" headers_alone "$2" c++ "$standard" h
    check "the SDK is $standard with $2" headers_alone "$2" c++ "$standard" hpp
  done
done
finish
