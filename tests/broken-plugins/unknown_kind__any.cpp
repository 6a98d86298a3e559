// Has verbs for whatever kind is asked.
#include "tests/broken-plugins/base.hpp"

namespace {

const void* verbs(const char*) { return &base::readiness_verbs; }

}  // namespace

FCVM_BROKEN(plugin.verbs = verbs);
