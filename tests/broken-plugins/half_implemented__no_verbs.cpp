// No verbs for its own kind.
#include "tests/broken-plugins/base.hpp"

namespace {

const void* verbs(const char*) { return nullptr; }

}  // namespace

FCVM_BROKEN(plugin.verbs = verbs);
