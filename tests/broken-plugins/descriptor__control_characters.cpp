// A summary that writes to the terminal of whoever lists plugins.
#include "tests/broken-plugins/base.hpp"

FCVM_BROKEN(base::descriptor.summary = "\x1b]0;yours\x07");
