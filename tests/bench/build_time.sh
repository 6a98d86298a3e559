#!/usr/bin/env bash
# What building takes: tests/bench/build_time.sh [CHECKOUT...], this one by default; two of them are
# measured one after the other. For each: CPU seconds (user and system) of the release build from
# nothing, without and then with the tests, where they go, and what touching one source of the core
# takes, in CPU seconds and by the clock. ccache is not asked. JOBS says how many run side by side.
set -euo pipefail
[ $# -gt 0 ] || set -- "$(dirname "$0")/../.."
export CCACHE_DISABLE=1
work=$(mktemp -d /tmp/fcvm-build-time.XXXXXX)
trap 'rm -rf "$work"' EXIT

# Stands before each compiler and each link, and writes down what they took.
cat >"$work/timed" <<'LAUNCHER'
#!/bin/bash
out='' before=''
for word; do
  [ "$before" != -o ] || out=$word
  before=$word
done
TIMEFORMAT='%U %S'
{ time "$@" 2>&3; } 3>&2 2>"$FCVM_BUILD_TIMES/$$" && code=0 || code=$?
echo "$(tail -n 1 "$FCVM_BUILD_TIMES/$$") $out" >>"$FCVM_BUILD_TIMES/all"
rm -f "$FCVM_BUILD_TIMES/$$"
exit $code
LAUNCHER
chmod +x "$work/timed"

# took LABEL COMMAND...: prints the CPU seconds of a command and of what it starts, and its time.
took() {
  local label=$1 log=$work/log figures
  shift
  TIMEFORMAT='%U %S %R'
  figures=$({ time "$@" >"$log" 2>&1; } 2>&1) || { tail -n 40 "$log" >&2; exit 1; }
  awk -v label="$label" '{printf "  %-34s %7.1f CPU s  %7.1f s\n", label, $1 + $2, $3}' <<<"$figures"
}
build() { cmake --build "$work/build" -j "${JOBS:-2}"; }

# Sums by folder, of objects; precompiled headers and links apart.
parts() {
  awk '
    { what = $3 }
    what ~ /\.[gp]ch$|precompiled\// { what = "precompiled headers" }
    what !~ /\.o$/ && what != "precompiled headers" { what = "links" }
    what ~ /\.o$/ {
      sub(/\/?CMakeFiles\/.*/, "", what)
      split(what, names, "/")
      what = names[1] (names[2] != "" ? "/" names[2] : "")
    }
    { took[what] += $1 + $2; count[what]++ }
    END { for (what in took) printf "    %7.1f  %4d  %s\n", took[what], count[what], what }
  ' "$FCVM_BUILD_TIMES/all" | sort -rn
}

for checkout; do
  checkout=$(cd "$checkout" && pwd)
  echo "$checkout: $(git -C "$checkout" log -1 --format='%h %s' 2>/dev/null || echo 'no commit')"
  export FCVM_BUILD_TIMES=$work/times
  rm -rf "$work/build" "$FCVM_BUILD_TIMES"
  mkdir "$FCVM_BUILD_TIMES"
  configure=(cmake -S "$checkout" --preset release -B "$work/build" "-DCMAKE_C_COMPILER_LAUNCHER=$work/timed"
             "-DCMAKE_CXX_COMPILER_LAUNCHER=$work/timed" "-DCMAKE_CXX_LINKER_LAUNCHER=$work/timed")
  (cd "$checkout" && "${configure[@]}" -DFCVM_BUILD_TESTS=OFF) >"$work/log"
  took "cold, without tests" build
  echo "    CPU s  files  of them"
  parts
  (cd "$checkout" && "${configure[@]}" -DFCVM_BUILD_TESTS=ON) >"$work/log"
  : >"$FCVM_BUILD_TIMES/all"
  took "and the tests" build
  parts
  for source in core/vm/supervisor/launch.cpp core/base/io/fd.cpp; do
    # The time alone: the checkout stays as it is.
    touch "$checkout/$source"
    took "touched $source" build
  done
  touch "$checkout/core/base/io/fd.hpp"
  took "touched core/base/io/fd.hpp" build
done
