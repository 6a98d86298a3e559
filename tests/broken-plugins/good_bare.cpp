// What the broken ones are made from, unbroken.
#include "tests/broken-plugins/base.hpp"

FCVM_BROKEN();
