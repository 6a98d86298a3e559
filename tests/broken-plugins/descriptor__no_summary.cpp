// No summary.
#include "tests/broken-plugins/base.hpp"

FCVM_BROKEN(base::descriptor.summary = "");
