// A kind that no fcvm has.
#include "tests/broken-plugins/base.hpp"

FCVM_BROKEN(base::descriptor.kind = "readiness/99");
