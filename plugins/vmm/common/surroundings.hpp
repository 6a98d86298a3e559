// Where a VMM runs: the directory, the namespaces and the cgroup that a VM's specification names.
#pragma once

#include <fcntl.h>

#include <fcvm/vmm.hpp>

namespace fcvm::vmm {

/// For longer than the specification is lent.
[[nodiscard]] inline Result<Fd> open_directory(const fcvm_vm_spec& spec) {
  Fd fd(::openat(spec.directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return fail_errno("opening the VM's directory");
  return fd;
}

inline void give_surroundings(ProcessSpec& process, const fcvm_vm_spec& spec) {
  process.in_user_namespace(fd_of(spec.flags, FCVM_VM_HAS_USER_NAMESPACE, spec.user_namespace_fd))
      .in_net_namespace(fd_of(spec.flags, FCVM_VM_HAS_NET_NAMESPACE, spec.net_namespace_fd))
      .in_cgroup(fd_of(spec.flags, FCVM_VM_HAS_CGROUP, spec.cgroup_fd));
}

}  // namespace fcvm::vmm
