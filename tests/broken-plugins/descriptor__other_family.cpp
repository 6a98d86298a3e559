// The id's family is not the kind's.
#include "tests/broken-plugins/base.hpp"

FCVM_BROKEN(base::descriptor.id = "net.broken");
