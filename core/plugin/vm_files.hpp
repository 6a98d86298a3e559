// VmFiles: what of the host a VM's specification names, for the jail of whatever VMM runs it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <fcvm/result.hpp>
#include <fcvm/vmm.h>

namespace fcvm::plugin {

struct VmFiles {
  struct Item {
    std::string outside;
    std::string inside;
    bool writable;
  };
  /// Those that lie outside of the VM's directory, to which links in it lead.
  std::vector<Item> items;
  /// What it may have to write at once: a disk, or the VM's memory.
  std::uint64_t largest_file = 0;
  bool has_network = false;
  bool has_page_server = false;
};

/// Looked up before the VMM runs: whatever it makes of its directory later leads nowhere else.
/// `from` may be null.
[[nodiscard]] Result<VmFiles> files_of(const fcvm_vm_spec& spec, const fcvm_vm_restore* from);

}  // namespace fcvm::plugin
