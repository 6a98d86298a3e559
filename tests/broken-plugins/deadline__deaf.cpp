// Waits a second longer than it may.
#include "tests/broken-plugins/base.hpp"

namespace {

std::int32_t wait(void* instance, const fcvm_ready_target* target, std::int64_t deadline,
                  fcvm_error* error) {
  return base::wait(instance, target, deadline + 1'000'000'000, error);
}

}  // namespace

FCVM_BROKEN(base::readiness_verbs.wait = wait);
