// Built for another draft of the interface.
#include "tests/broken-plugins/base.hpp"

FCVM_BROKEN(base::descriptor.draft = FCVM_DRAFT + 1);
