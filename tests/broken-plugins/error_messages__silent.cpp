// Fails without a word.
#include "tests/broken-plugins/base.hpp"

namespace {

std::int32_t create(const fcvm_host* host, const fcvm_settings* settings, void** instance,
                    fcvm_error* error) {
  fcvm_error unseen{};
  unseen.size = sizeof unseen;
  const std::int32_t code = base::create(host, settings, instance, &unseen);
  if (code != 0) base::failed(error, code, "");
  return code;
}

}  // namespace

FCVM_BROKEN(plugin.create = create);
