// Takes its time to describe itself.
#include "tests/broken-plugins/base.hpp"

namespace {

#ifdef __SANITIZE_ADDRESS__
constexpr unsigned kNap = 1'100'000;  // the limit is larger there
#else
constexpr unsigned kNap = 150'000;
#endif

std::int32_t describe(fcvm_descriptor* out, fcvm_error* error) {
  ::usleep(kNap);
  return base::describe(out, error);
}

}  // namespace

FCVM_BROKEN(plugin.describe = describe);
