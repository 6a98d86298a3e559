// Takes it for granted that there is a log.
#include "tests/broken-plugins/base.hpp"

namespace {

std::int32_t create(const fcvm_host* host, const fcvm_settings* settings, void** instance,
                    fcvm_error* error) {
  if (host->size < sizeof *host) return base::create(host, settings, instance, error);
  const auto* const log = static_cast<const fcvm_log_v1*>(host->service(host, "log/1"));
  if (log == nullptr) std::abort();
  return base::create(host, settings, instance, error);
}

}  // namespace

FCVM_BROKEN(plugin.create = create);
