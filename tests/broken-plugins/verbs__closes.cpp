// A verb that closes what is not its own.
#include <unistd.h>

#include "tests/broken-plugins/base.hpp"

namespace {

std::int32_t wait(void* instance, const fcvm_ready_target* target, std::int64_t deadline,
                  fcvm_error* error) {
  ::close(STDIN_FILENO);
  return base::wait(instance, target, deadline, error);
}

}  // namespace

FCVM_BROKEN(base::readiness_verbs.wait = wait);
