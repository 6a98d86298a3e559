// An option without help.
#include "tests/broken-plugins/base.hpp"

FCVM_BROKEN(base::options[3].help = "");
