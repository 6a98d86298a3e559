// The entry returns another table at each call.
#include "tests/broken-plugins/base.hpp"

extern "C" FCVM_EXPORT const fcvm_plugin* fcvm_plugin_entry_v1(void) {
  static fcvm_plugin tables[2] = {base::plugin(), base::plugin()};
  static int calls = 0;
  return &tables[calls++ % 2];
}
