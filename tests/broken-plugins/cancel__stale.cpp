// Remembers a cancel that found nothing running.
#include "tests/broken-plugins/base.hpp"

namespace {

void cancel(void* instance) {
  const std::uint64_t one = 1;
  if (::write(static_cast<base::Instance*>(instance)->event, &one, sizeof one) < 0) std::abort();
}

}  // namespace

FCVM_BROKEN(plugin.cancel = cancel);
