// The one required verb is not there.
#include "tests/broken-plugins/base.hpp"

FCVM_BROKEN(base::readiness_verbs.wait = nullptr);
