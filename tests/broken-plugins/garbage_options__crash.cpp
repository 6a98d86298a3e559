// Reads a name that is NULL.
#include "tests/broken-plugins/base.hpp"

namespace {

std::int32_t create(const fcvm_host* host, const fcvm_settings* settings, void** instance,
                    fcvm_error* error) {
  for (std::uint32_t i = 0; i < settings->count; ++i) {
    if (std::strlen(settings->items[i]->name) == 0) return -EINVAL;
  }
  return base::create(host, settings, instance, error);
}

}  // namespace

FCVM_BROKEN(plugin.create = create);
