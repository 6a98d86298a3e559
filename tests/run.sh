#!/usr/bin/env bash
# tests/run.sh [TIER...]: installs what is needed, builds, and runs the tiers (default: all).
# tests/run.sh nightly: what takes hours instead: fuzzers for long, unit and contract tests again and
# again, the storms.
# tests/run.sh debian13: the tiers that need no guest, on Debian 13 and on this machine, with gcc and
# clang; debian13-compile: only whether Debian 13's gcc compiles all but the tests.
# PRESET=asan-ubsan chooses another build than release; the tier fuzz always has its own.
set -euo pipefail
cd "$(dirname "$0")/.."

case ${1-} in
  debian13) exec tests/support/debian13/run.sh matrix ;;
  debian13-compile) exec tests/support/debian13/run.sh compile ;;
esac

all_tiers=(unit contract cli consumer vm rig fuzz)
preset=${PRESET:-release}
nightly=no
[ "${1-}" != nightly ] || { nightly=yes; shift; set -- unit contract fuzz "$@"; }
tiers=("$@")
[ ${#tiers[@]} -eq 0 ] && tiers=("${all_tiers[@]}")
for tier in "${tiers[@]}"; do
  [[ " ${all_tiers[*]} " == *" $tier "* ]] || {
    echo "tests/run.sh: no tier \"$tier\"; there are: ${all_tiers[*]}, and nightly, debian13, debian13-compile" >&2
    exit 125
  }
done

packaging/install-dependencies.sh build run test
# Objects are the same wherever the checkout is, so that another clone of it compiles nothing anew.
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1

retried=0 kept=''

# build PRESET [CMAKE-OPTION...]
build() {
  local preset=$1
  shift
  [ -f "build/$preset/build.ninja" ] && [ $# -eq 0 ] || cmake --preset "$preset" "$@"
  cmake --build --preset "$preset"
}

# run_ctest PRESET CTEST-OPTION...: in CI, what was skipped and may not be is a failure.
run_ctest() {
  local build=build/$1 code=0
  shift
  ctest --test-dir "$build" --output-on-failure --no-tests=error "$@" || code=$?
  [ "${CI-}" != true ] ||
    tests/support/check_skipped.sh tests/may_be_skipped.txt "$build/Testing/Temporary/LastTest.log" || code=1
  return $code
}

# keep_failures PRESET TIER: before another run overwrites them.
keep_failures() {
  local from=build/$1/Testing/Temporary
  kept=build/$1/first-failures
  mkdir -p "$kept"
  cp "$from/LastTest.log" "$kept/$2-$(date -u +%Y%m%dT%H%M%SZ).log"
  retried=$((retried + $(wc -l <"$from/LastTestsFailed.log")))
}

# Nothing but real guests is run once more, and that in CI alone: they share their machine, and time
# is what they are emulated in. A race or an error of memory must fail wherever it shows.
run_guests() {
  run_ctest "$preset" -j"$(nproc)" -L '^vm$' && return
  [ "${CI-}" = true ] || return 1
  keep_failures "$preset" vm
  run_ctest "$preset" -L '^vm$' --rerun-failed
}

# The rig runs again by itself what failed, and says so.
run_rig() {
  run_ctest "$preset" -j"$(nproc)" -L '^rig$' || return
  local log=build/$preset/Testing/Temporary/LastTest.log again
  again=$(grep -c 'for the emulated CPU may have failed' "$log" || true)
  [ "$again" -eq 0 ] || keep_rig "$log" "$again"
}
keep_rig() {
  kept=build/$preset/first-failures
  mkdir -p "$kept"
  cp "$1" "$kept/rig-$(date -u +%Y%m%dT%H%M%SZ).log"
  retried=$((retried + $2))
}

run_fuzzers() {
  local seconds=15
  [ $nightly = no ] || seconds=1800
  build fuzz "-DFCVM_FUZZ_SECONDS=$seconds"
  run_ctest fuzz -j"$(nproc)" -L '^fuzz$'
}

light=()
for tier in "${tiers[@]}"; do
  case $tier in vm | rig | fuzz) ;; *) light+=("$tier") ;; esac
done
asked() { [[ " ${tiers[*]} " == *" $1 "* ]]; }

[ "${tiers[*]}" = fuzz ] || build "$preset"
if [ ${#light[@]} -gt 0 ]; then
  again=()
  [ $nightly = no ] || again=(--repeat until-fail:20)
  run_ctest "$preset" -j"$(nproc)" "${again[@]}" -L "^($(IFS='|'; echo "${light[*]}"))\$"
fi
[ $nightly = no ] || run_ctest "$preset" -L '^storm$'
! asked vm || run_guests
! asked rig || run_rig
! asked fuzz || run_fuzzers
if [ $retried -gt 0 ]; then
  echo "tests/run.sh: passed, but $retried failed at first and passed when they were run again; see $kept"
else
  echo "tests/run.sh: passed, each at the first time"
fi
