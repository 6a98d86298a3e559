#!/usr/bin/env bash
# tests/run.sh [TIER...]: installs what is needed, builds, and runs the tiers (default: all).
# PRESET=asan-ubsan chooses another build than release; the tier fuzz always has its own.
set -euo pipefail
cd "$(dirname "$0")/.."

all_tiers=(unit contract cli consumer vm rig fuzz)
preset=${PRESET:-release}
tiers=("$@")
[ ${#tiers[@]} -eq 0 ] && tiers=("${all_tiers[@]}")
for tier in "${tiers[@]}"; do
  [[ " ${all_tiers[*]} " == *" $tier "* ]] || {
    echo "tests/run.sh: no tier \"$tier\"; there are: ${all_tiers[*]}" >&2
    exit 125
  }
done

packaging/install-dependencies.sh build run test
# Objects are the same wherever the checkout is, so that another clone of it compiles nothing anew.
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1

# Real guests on a machine that others use as well: in CI, and only there, what fails is run once more.
# The first failure stays in the output, to be looked into.
again=()
[ "${CI-}" != true ] || again=(--repeat until-pass:2)

# run_tiers PRESET LABEL...
run_tiers() {
  local preset=$1
  shift
  [ -f "build/$preset/build.ninja" ] || cmake --preset "$preset"
  cmake --build --preset "$preset"
  ctest --test-dir "build/$preset" --output-on-failure --no-tests=error -j"$(nproc)" \
    "${again[@]}" \
    -L "^($(IFS='|'; echo "$*"))\$"
}

others=()
for tier in "${tiers[@]}"; do
  [ "$tier" = fuzz ] || others+=("$tier")
done
[ ${#others[@]} -eq 0 ] || run_tiers "$preset" "${others[@]}"
[[ " ${tiers[*]} " != *" fuzz "* ]] || run_tiers fuzz fuzz
