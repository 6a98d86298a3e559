// Complains on standard error.
#include <cstdio>

#include "tests/broken-plugins/base.hpp"

namespace {

std::int32_t probe(const fcvm_host* host, const fcvm_settings* settings, std::int64_t deadline,
                   fcvm_probe* out, fcvm_error* error) {
  std::fputs("probing\n", stderr);
  return base::probe(host, settings, deadline, out, error);
}

}  // namespace

FCVM_BROKEN(plugin.probe = probe);
