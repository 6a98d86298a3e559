// The entry returns NULL.
#include <fcvm/abi.h>

extern "C" FCVM_EXPORT const fcvm_plugin* fcvm_plugin_entry_v1(void) { return nullptr; }
