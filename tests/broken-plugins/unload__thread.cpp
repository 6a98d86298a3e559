// Starts a thread once, and never ends it.
#include <thread>

#include "tests/broken-plugins/base.hpp"

namespace {

std::int32_t create(const fcvm_host* host, const fcvm_settings* settings, void** instance,
                    fcvm_error* error) {
  static const bool started = [] {
    std::thread([] {
      for (;;) ::pause();
    }).detach();
    return true;
  }();
  return started ? base::create(host, settings, instance, error) : -EIO;
}

}  // namespace

FCVM_BROKEN(plugin.create = create);
