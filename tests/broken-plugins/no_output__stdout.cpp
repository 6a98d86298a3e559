// Prints.
#include <cstdio>

#include "tests/broken-plugins/base.hpp"

namespace {

std::int32_t create(const fcvm_host* host, const fcvm_settings* settings, void** instance,
                    fcvm_error* error) {
  std::puts("readiness.broken: made an instance");
  return base::create(host, settings, instance, error);
}

}  // namespace

FCVM_BROKEN(plugin.create = create);
