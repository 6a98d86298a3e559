// Compares a NULL kind.
#include "tests/broken-plugins/base.hpp"

namespace {

const void* verbs(const char* kind) {
  return std::strcmp(kind, FCVM_KIND_READINESS) == 0 ? &base::readiness_verbs : nullptr;
}

}  // namespace

FCVM_BROKEN(plugin.verbs = verbs);
