// destroy of no instance crashes.
#include "tests/broken-plugins/base.hpp"

namespace {

void destroy(void** instance) {
  if (*instance == nullptr) std::abort();
  base::destroy(instance);
}

}  // namespace

FCVM_BROKEN(plugin.destroy = destroy);
