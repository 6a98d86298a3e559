// A probe that prefers itself more than the descriptor says.
#include "tests/broken-plugins/base.hpp"

namespace {

std::int32_t probe(const fcvm_host*, const fcvm_settings*, std::int64_t, fcvm_probe* out,
                   fcvm_error*) {
  fcvm_probe answer{};
  answer.status = FCVM_PROBE_USABLE;
  answer.preference = 1000;
  base::give(out, answer);
  return 0;
}

}  // namespace

FCVM_BROKEN(plugin.probe = probe);
