// The oldest host version is no version.
#include "tests/broken-plugins/base.hpp"

FCVM_BROKEN(base::descriptor.min_host_version = "new");
