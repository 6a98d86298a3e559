// The version is a word.
#include "tests/broken-plugins/base.hpp"

FCVM_BROKEN(base::descriptor.version = "latest");
