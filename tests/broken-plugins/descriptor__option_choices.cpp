// A default that is none of the choices.
#include "tests/broken-plugins/base.hpp"

FCVM_BROKEN(base::options[1].choices = "some|all");
