// A verb that handles a signal of the process.
#include <csignal>

#include "tests/broken-plugins/base.hpp"

namespace {

std::int32_t wait(void* instance, const fcvm_ready_target* target, std::int64_t deadline,
                  fcvm_error* error) {
  std::signal(SIGUSR2, SIG_IGN);
  return base::wait(instance, target, deadline, error);
}

}  // namespace

FCVM_BROKEN(base::readiness_verbs.wait = wait);
