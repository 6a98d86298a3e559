#!/usr/bin/env bash
# Times attach + detach of net plugins, all that work here or those named: FCVM_BUILD=... bash
# tests/bench/net_attach_bench.sh [rootless...]. One JSON line each, in ms; FCVM_BENCH_ROUNDS=50.
# `both` is attach and detach, `end` what the plugin then still waits for when its instance goes.
# The plugins run on a host made of namespaces, and on the machine's own pasta.
set -euo pipefail

: "${FCVM_BUILD:?the build tree, such as build/release}"

for name in "${@:-}"; do
  env ${name:+"FCVM_TEST_BACKEND=$name"} \
    "$FCVM_BUILD/tests/contract_net" 'attach and detach timings' | grep '^{'
done
