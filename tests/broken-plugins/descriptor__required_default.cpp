// An option that is required and has a default.
#include "tests/broken-plugins/base.hpp"

FCVM_BROKEN(base::options[0].default_value = "x");
