// A default that is not of its type.
#include "tests/broken-plugins/base.hpp"

FCVM_BROKEN(base::options[2].default_value = "soon");
