// Insists on structs of exactly the size that it knows.
#include "tests/broken-plugins/base.hpp"

namespace {

std::int32_t describe(fcvm_descriptor* out, fcvm_error* error) {
  if (out->size > sizeof *out) return base::failed(error, -EINVAL, "an unknown descriptor");
  return base::describe(out, error);
}

}  // namespace

FCVM_BROKEN(plugin.describe = describe);
