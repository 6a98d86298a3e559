// The names of a VM's files in its VMM's directory; those of them that a snapshot has are called
// the same there.
#pragma once

#include <cstddef>
#include <string>

#include "core/vm/model/restore_plan.hpp"

namespace fcvm::vm {

inline constexpr const char* kKernel = "kernel";
inline constexpr const char* kKernelElf = "kernel.elf";
inline constexpr const char* kInitrd = "initrd";
inline constexpr const char* kBaseDisk = "base.img";
inline constexpr const char* kWritableDisk = "disk.img";
inline constexpr const char* kConsole = "console.log";
inline constexpr const char* kGuestSocket = "guest.sock";
/// Where the VMM leaves what a snapshot takes, and finds what it is restored from.
inline constexpr const char* kDeviceState = "snapshot-state";
inline constexpr const char* kNewState = "new-state";
inline constexpr const char* kNewMemory = "new-memory";

[[nodiscard]] inline std::string image_file(std::size_t number) {
  return "image" + std::to_string(number) + ".img";
}

}  // namespace fcvm::vm
