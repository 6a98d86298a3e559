// Walks the settings as if they were an array of the structs it knows.
#include "tests/broken-plugins/base.hpp"

namespace {

std::int32_t create(const fcvm_host* host, const fcvm_settings* settings, void** instance,
                    fcvm_error* error) {
  for (std::uint32_t i = 0; i < settings->count; ++i) {
    if (settings->items[i]->size != sizeof(fcvm_setting)) {
      return base::failed(error, -EINVAL, "a setting of unknown size");
    }
  }
  return base::create(host, settings, instance, error);
}

}  // namespace

FCVM_BROKEN(plugin.create = create);
