// Which kernel file a Firecracker boots, and the command line it needs.
#pragma once

#include <string>

#include <fcvm/result.hpp>
#include <fcvm/vmm.h>

#include "plugins/vmm/firecracker/version.hpp"

namespace fcvm::firecracker {

/// The specification's kernel that this version can boot, after a look at the file itself.
Result<std::string> choose_kernel(const fcvm_vm_spec& spec, const Version& version);

/// What fcvm wants, and before it whatever the machine needs and fcvm did not say.
std::string kernel_command_line(const char* wanted, bool pci);

}  // namespace fcvm::firecracker
