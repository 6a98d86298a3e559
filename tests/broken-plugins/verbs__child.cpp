// A verb that starts a process by itself.
#include <unistd.h>

#include "tests/broken-plugins/base.hpp"

namespace {

std::int32_t wait(void* instance, const fcvm_ready_target* target, std::int64_t deadline,
                  fcvm_error* error) {
  if (::fork() == 0) ::_exit(0);
  return base::wait(instance, target, deadline, error);
}

}  // namespace

FCVM_BROKEN(base::readiness_verbs.wait = wait);
