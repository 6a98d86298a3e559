// A verb that keeps a descriptor.
#include <fcntl.h>

#include "tests/broken-plugins/base.hpp"

namespace {

std::int32_t wait(void* instance, const fcvm_ready_target* target, std::int64_t deadline,
                  fcvm_error* error) {
  (void)::open("/dev/null", O_RDONLY | O_CLOEXEC);
  return base::wait(instance, target, deadline, error);
}

}  // namespace

FCVM_BROKEN(base::readiness_verbs.wait = wait);
