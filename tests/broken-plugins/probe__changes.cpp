// Probing records something.
#include "tests/broken-plugins/base.hpp"

namespace {

std::int32_t probe(const fcvm_host* host, const fcvm_settings* settings, std::int64_t deadline,
                   fcvm_probe* out, fcvm_error* error) {
  const auto* state = static_cast<const fcvm_state_v1*>(base::service(host, "state/1"));
  if (state != nullptr) state->put(host, "probed", "yes", error);
  return base::probe(host, settings, deadline, out, error);
}

}  // namespace

FCVM_BROKEN(plugin.probe = probe);
