// It is ready whatever the guest is.
#include "tests/broken-plugins/base.hpp"

namespace {

std::int32_t wait(void*, const fcvm_ready_target*, std::int64_t, fcvm_error*) { return 0; }

}  // namespace

FCVM_BROKEN(base::readiness_verbs.wait = wait);
