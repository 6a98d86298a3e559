// Returns a positive errno.
#include "tests/broken-plugins/base.hpp"

namespace {

std::int32_t create(const fcvm_host* host, const fcvm_settings* settings, void** instance,
                    fcvm_error* error) {
  const std::int32_t code = base::create(host, settings, instance, error);
  return -code;
}

}  // namespace

FCVM_BROKEN(plugin.create = create);
