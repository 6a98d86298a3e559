// The table ends before `verbs`.
#include "tests/broken-plugins/base.hpp"

FCVM_BROKEN(plugin.size = offsetof(fcvm_plugin, verbs));
