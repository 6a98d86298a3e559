// The message fills its array and does not end.
#include "tests/broken-plugins/base.hpp"

namespace {

std::int32_t create(const fcvm_host* host, const fcvm_settings* settings, void** instance,
                    fcvm_error* error) {
  const std::int32_t code = base::create(host, settings, instance, error);
  if (code != 0 && error != nullptr && error->size >= sizeof *error) {
    std::memset(error->message, 'x', sizeof error->message);
  }
  return code;
}

}  // namespace

FCVM_BROKEN(plugin.create = create);
