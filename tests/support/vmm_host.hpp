// A host for VMM plugins under test: process/1 as the core has it, with the jail that it makes for
// every VMM.
#pragma once

#include <fcvm/host.h>
#include <fcvm/vmm.h>

#include "core/plugin/process_keeper.hpp"

namespace fcvm::test {

/// One host for the whole test program; it never ends.
const fcvm_host* vmm_host();

/// What a VM may have of the host: before its VMM is started or restored. `from` may be null.
void jail_for(const fcvm_vm_spec& spec, const fcvm_vm_restore* from);

/// Whose processes those are.
plugin::ProcessKeeper& process_keeper();

}  // namespace fcvm::test
