// Never comes back from describe.
#include "tests/broken-plugins/base.hpp"

namespace {

std::int32_t describe(fcvm_descriptor*, fcvm_error*) {
  for (;;) ::pause();
}

}  // namespace

FCVM_BROKEN(plugin.describe = describe);
