// A function of the table is NULL.
#include "tests/broken-plugins/base.hpp"

FCVM_BROKEN(plugin.cancel = nullptr);
