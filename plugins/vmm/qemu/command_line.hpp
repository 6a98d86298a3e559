// From a VM's specification to QEMU's arguments: pure, and the same for the same specification, so
// that a restored VM has its devices where the snapshot has them.
#pragma once

#include <string>
#include <vector>

#include <fcvm/result.hpp>
#include <fcvm/vmm.h>

#include "plugins/vmm/qemu/accelerator.hpp"
#include "plugins/vmm/qemu/options.hpp"

namespace fcvm::qemu {

inline constexpr const char* kMuxPortName = "org.fcvm.mux";

/// How many of each a machine has places for.
inline constexpr std::uint32_t kMaxDisks = 14;
inline constexpr std::uint32_t kMaxNics = 6;

/// The descriptors that QEMU finds open; what it takes for RAM is at kMemoryFd (memory_fds.hpp).
inline constexpr int kQmpFd = 3;
inline constexpr int kMuxFd = 4;
/// Behind those of memory_fds.hpp.
inline constexpr int kConsoleFd = 9;

/// A VM boots, or it waits, stopped, for the state of a snapshot.
enum class Begin { kBoot, kRestore };

Result<std::vector<std::string>> command_line(const std::string& binary, const Options& options,
                                              const Platform& platform, const fcvm_vm_spec& spec,
                                              Begin begin = Begin::kBoot);

/// The specification's kernel command line and what the machine needs besides.
std::string kernel_command_line(const Platform& platform, const fcvm_vm_spec& spec);

}  // namespace fcvm::qemu
