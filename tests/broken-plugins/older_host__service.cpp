// Uses a member that an older host's table does not have.
#include "tests/broken-plugins/base.hpp"

namespace {

std::int32_t create(const fcvm_host* host, const fcvm_settings* settings, void** instance,
                    fcvm_error* error) {
  host->service(host, "log/1");
  return base::create(host, settings, instance, error);
}

}  // namespace

FCVM_BROKEN(plugin.create = create);
