// What a process specification gives: a descriptor of it, or -1.
#pragma once

#include <fcvm/host.h>
#include <fcvm/sdk/sized.hpp>

namespace fcvm::plugin {

inline int directory_of(const fcvm_process_spec& spec) {
  return fd_of(spec.flags, FCVM_PROCESS_HAS_DIRECTORY, spec.directory_fd);
}
inline int stdin_of(const fcvm_process_spec& spec) {
  return fd_of(spec.flags, FCVM_PROCESS_HAS_STDIN, spec.stdin_fd);
}
inline int stdout_of(const fcvm_process_spec& spec) {
  return fd_of(spec.flags, FCVM_PROCESS_HAS_STDOUT, spec.stdout_fd);
}
inline int stderr_of(const fcvm_process_spec& spec) {
  return fd_of(spec.flags, FCVM_PROCESS_HAS_STDERR, spec.stderr_fd);
}
inline int user_namespace_of(const fcvm_process_spec& spec) {
  return fd_of(spec.flags, FCVM_PROCESS_HAS_USER_NAMESPACE, spec.user_namespace_fd);
}
inline int net_namespace_of(const fcvm_process_spec& spec) {
  return fd_of(spec.flags, FCVM_PROCESS_HAS_NET_NAMESPACE, spec.net_namespace_fd);
}
inline int mount_namespace_of(const fcvm_process_spec& spec) {
  return fd_of(spec.flags, FCVM_PROCESS_HAS_MOUNT_NAMESPACE, spec.mount_namespace_fd);
}
inline int cgroup_of(const fcvm_process_spec& spec) {
  return fd_of(spec.flags, FCVM_PROCESS_HAS_CGROUP, spec.cgroup_fd);
}

}  // namespace fcvm::plugin
