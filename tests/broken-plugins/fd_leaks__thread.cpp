// Each create leaves a thread running.
#include <thread>

#include "tests/broken-plugins/base.hpp"

namespace {

std::int32_t create(const fcvm_host* host, const fcvm_settings* settings, void** instance,
                    fcvm_error* error) {
  std::thread([] {
    for (;;) ::pause();
  }).detach();
  return base::create(host, settings, instance, error);
}

}  // namespace

FCVM_BROKEN(plugin.create = create);
