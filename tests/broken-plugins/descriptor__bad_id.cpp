// The id has no family.
#include "tests/broken-plugins/base.hpp"

FCVM_BROKEN(base::descriptor.id = "Broken");
