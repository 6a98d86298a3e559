// Waits without ever listening to cancel.
#include "tests/broken-plugins/base.hpp"

namespace {

void cancel(void*) {}

}  // namespace

FCVM_BROKEN(plugin.cancel = cancel);
