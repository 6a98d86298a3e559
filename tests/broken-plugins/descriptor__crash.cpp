// Crashes in describe.
#include "tests/broken-plugins/base.hpp"

namespace {

std::int32_t describe(fcvm_descriptor*, fcvm_error*) { std::abort(); }

}  // namespace

FCVM_BROKEN(plugin.describe = describe);
