// destroy leaves the pointer as it was.
#include "tests/broken-plugins/base.hpp"

namespace {

void destroy(void** instance) {
  void* copy = *instance;
  base::destroy(&copy);
}

}  // namespace

FCVM_BROKEN(plugin.destroy = destroy);
