// It takes a server that does not listen yet for one that never will.
#include "tests/broken-plugins/base.hpp"

namespace {

const fcvm_host* last_host = nullptr;

std::int32_t create(const fcvm_host* host, const fcvm_settings* settings, void** instance,
                    fcvm_error* error) {
  last_host = host;
  return base::create(host, settings, instance, error);
}

std::int32_t wait(void* instance, const fcvm_ready_target* target, std::int64_t deadline,
                  fcvm_error* error) {
  const auto* const guest = static_cast<const fcvm_guest_v1*>(base::service(last_host, "guest/1"));
  if (guest == nullptr) return base::wait(instance, target, deadline, error);
  std::int32_t fd = -1;
  const std::int32_t code = guest->dial_tcp(last_host, 80, deadline, &fd, error);
  if (code != 0) return code;
  ::close(fd);
  return base::wait(instance, target, deadline, error);
}

}  // namespace

FCVM_BROKEN(plugin.create = create; base::readiness_verbs.wait = wait);
