// Built without the version script: a helper is exported beside the entry.
#include "tests/broken-plugins/base.hpp"

extern "C" FCVM_EXPORT int leaked_helper();
int leaked_helper() { return 1; }

FCVM_BROKEN();
