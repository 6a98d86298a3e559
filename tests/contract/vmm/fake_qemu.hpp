// The qemu plugin with the fake QEMU.
#pragma once

#include "tests/contract/vmm/machine.hpp"

namespace fcvm::test {

inline Subject fake_qemu() {
  Subject made;
  made.name = "fake QEMU";
  made.object = FCVM_TEST_QEMU_PLUGIN;
  made.texts = {{"binary", FCVM_TEST_FAKE_QEMU}, {"accel", "tcg"}};
  made.args = {"well"};
  made.version = "qemu 8.1.2 tcg";
  made.accelerator = "tcg";
  made.snapshots = true;
  return made;
}

}  // namespace fcvm::test
