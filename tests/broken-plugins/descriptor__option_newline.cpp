// A help that would end its comment in a sample file.
#include "tests/broken-plugins/base.hpp"

FCVM_BROKEN(base::options[1].help = "how many\nmust match");
