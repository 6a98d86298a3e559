// Two options of one name.
#include "tests/broken-plugins/base.hpp"

FCVM_BROKEN(base::options[3].name = "mode");
