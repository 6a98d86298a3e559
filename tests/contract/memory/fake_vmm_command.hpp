// What FakeVmm asks of the process that stands for a VMM, memory_vmm, and how it starts it.
#pragma once

#include <cstdint>

namespace fcvm::test {

constexpr int kControlFd = 3;  // where memory_vmm reads commands, and answers each by a letter
constexpr int kHomeFd = 4;     // the directory of the socket

struct Command {
  char what;
  char letter;
  unsigned times;
  std::uint64_t offset;
};

}  // namespace fcvm::test
