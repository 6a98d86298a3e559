// Frees what it did not allocate.
#include "tests/broken-plugins/base.hpp"

namespace {

void destroy(void** instance) {
  *instance = nullptr;
  std::abort();
}

}  // namespace

FCVM_BROKEN(plugin.destroy = destroy);
