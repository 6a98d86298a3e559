// Of an interface version that does not exist yet.
#include "tests/broken-plugins/base.hpp"

FCVM_BROKEN(base::descriptor.abi_version = FCVM_ABI_VERSION + 1);
