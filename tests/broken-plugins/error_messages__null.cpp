// Writes its message wherever it is told to, even to NULL.
#include "tests/broken-plugins/base.hpp"

namespace {

std::int32_t create(const fcvm_host* host, const fcvm_settings* settings, void** instance,
                    fcvm_error* error) {
  const std::int32_t code = base::create(host, settings, instance, error);
  if (code != 0 && error == nullptr) std::abort();
  return code;
}

}  // namespace

FCVM_BROKEN(plugin.create = create);
