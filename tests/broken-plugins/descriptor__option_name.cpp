// An option's name is not kebab-case.
#include "tests/broken-plugins/base.hpp"

FCVM_BROKEN(base::options[3].name = "Count_Me");
