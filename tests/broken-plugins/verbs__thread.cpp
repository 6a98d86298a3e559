// A verb that leaves a thread.
#include <thread>

#include "tests/broken-plugins/base.hpp"

namespace {

std::int32_t wait(void* instance, const fcvm_ready_target* target, std::int64_t deadline,
                  fcvm_error* error) {
  std::thread([] { ::pause(); }).detach();
  return base::wait(instance, target, deadline, error);
}

}  // namespace

FCVM_BROKEN(base::readiness_verbs.wait = wait);
