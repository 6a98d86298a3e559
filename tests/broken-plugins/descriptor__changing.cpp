// Describes itself differently each time.
#include "tests/broken-plugins/base.hpp"

namespace {

std::int32_t describe(fcvm_descriptor* out, fcvm_error* error) {
  static int calls = 0;
  base::descriptor.capabilities = static_cast<std::uint64_t>(calls++ % 2);
  return base::describe(out, error);
}

}  // namespace

FCVM_BROKEN(plugin.describe = describe);
