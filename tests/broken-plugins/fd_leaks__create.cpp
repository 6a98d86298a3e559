// destroy forgets the instance's fd.
#include "tests/broken-plugins/base.hpp"

namespace {

void destroy(void** instance) {
  delete static_cast<base::Instance*>(*instance);
  *instance = nullptr;
}

}  // namespace

FCVM_BROKEN(plugin.destroy = destroy);
