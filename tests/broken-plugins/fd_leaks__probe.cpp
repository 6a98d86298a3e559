// Each probe leaves an fd open.
#include "tests/broken-plugins/base.hpp"

namespace {

std::int32_t probe(const fcvm_host* host, const fcvm_settings* settings, std::int64_t deadline,
                   fcvm_probe* out, fcvm_error* error) {
  if (::dup(0) < 0) return base::failed(error, -errno, "duplicating an fd");
  return base::probe(host, settings, deadline, out, error);
}

}  // namespace

FCVM_BROKEN(plugin.probe = probe);
