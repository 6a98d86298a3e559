// Writes its whole descriptor, whatever room there is.
#include "tests/broken-plugins/base.hpp"

namespace {

std::int32_t describe(fcvm_descriptor* out, fcvm_error*) {
  std::memcpy(out, &base::descriptor, sizeof *out);
  return 0;
}

}  // namespace

FCVM_BROKEN(plugin.describe = describe);
