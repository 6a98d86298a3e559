// The qemu plugin with the fake QEMU.
#pragma once

#include "tests/contract/vmm/machine.hpp"

namespace fcvm::test {

/// `behaviour` is the fake's last argument.
inline Subject fake_qemu(const char* behaviour = "well", const char* binary = FCVM_TEST_FAKE_QEMU) {
  Subject made;
  made.name = "fake QEMU";
  made.object = FCVM_TEST_QEMU_PLUGIN;
  made.texts = {{"binary", binary}, {"accel", "tcg"}};
  made.args = {behaviour};
  made.version = "qemu 8.1.2 tcg";
  made.accelerator = "tcg";
  made.snapshots = true;
  return made;
}

}  // namespace fcvm::test
