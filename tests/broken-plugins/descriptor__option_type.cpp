// An option of an unknown type.
#include "tests/broken-plugins/base.hpp"

FCVM_BROKEN(base::options[3].type = 77);
