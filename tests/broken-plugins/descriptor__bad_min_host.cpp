// The oldest host version is not a version.
#include "tests/broken-plugins/base.hpp"

FCVM_BROKEN(base::descriptor.min_host_version = "new");
