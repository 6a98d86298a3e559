// At its deadline it says that all is well.
#include "tests/broken-plugins/base.hpp"

namespace {

std::int32_t wait(void* instance, const fcvm_ready_target* target, std::int64_t deadline,
                  fcvm_error* error) {
  const std::int32_t code = base::wait(instance, target, deadline, error);
  return code == -ETIMEDOUT ? 0 : code;
}

}  // namespace

FCVM_BROKEN(base::readiness_verbs.wait = wait);
