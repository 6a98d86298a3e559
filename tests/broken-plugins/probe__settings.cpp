// Cannot be probed before its required option is set.
#include "tests/broken-plugins/base.hpp"

namespace {

std::int32_t probe(const fcvm_host* host, const fcvm_settings* settings, std::int64_t deadline,
                   fcvm_probe* out, fcvm_error* error) {
  const std::int32_t code = base::check_settings(settings, error);
  return code != 0 ? code : base::probe(host, settings, deadline, out, error);
}

}  // namespace

FCVM_BROKEN(plugin.probe = probe);
