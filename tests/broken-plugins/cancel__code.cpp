// Cancelled, it says that it timed out.
#include "tests/broken-plugins/base.hpp"

namespace {

std::int32_t wait(void* instance, const fcvm_ready_target* target, std::int64_t deadline,
                  fcvm_error* error) {
  base::wait(instance, target, deadline, error);
  return base::failed(error, -ETIMEDOUT, "nothing matched");
}

}  // namespace

FCVM_BROKEN(base::readiness_verbs.wait = wait);
