// The child's side of a jail: what spawn_child.cpp does between clone and exec. Everything is
// async-signal-safe.
#pragma once

#include <cstdint>
#include <linux/filter.h>
#include <span>
#include <sys/types.h>

#include "core/base/jail/jail.hpp"

namespace fcvm::base {

/// Borrows what the parent prepared.
struct JailPlan {
  std::span<const JailStep> steps;
  bool namespaces = false;          // or Landlock alone
  bool own_user_namespace = false;  // with the maps below
  const char* uid_map = nullptr;
  const char* gid_map = nullptr;
  bool own_network = false;
  const char* directory = nullptr;  // inside; null: wherever it is
  uid_t device_owner = 0;
  bool privileged = false;  // devices are made; without, they are the host's
  int landlock = -1;        // -1: none
  std::span<const sock_filter> filter;
};

/// Where a step failed, for the parent to put into words. The first four are the host's refusal of
/// namespaces as such.
enum class JailFailure : int {
  kNamespaces,
  kMaps,
  kRoot,
  kProc,
  kStep,  // detail: index
  kEnter,
  kDirectory,
  kCapabilities,
  kLandlock,
  kFilter,
};

struct JailResult {
  bool done = true;
  JailFailure failure{};
  int detail = 0;
};

/// New namespaces, but for that of pids, which the next child of this process is in.
JailResult unshare_for_jail(const JailPlan& plan);
/// In the new pid namespace: makes the root directory, enters it, and leaves the old one.
JailResult enter_jail(const JailPlan& plan);
/// The bounding set, while it still may be changed.
JailResult limit_capabilities();
/// Once it is who it is to be: what it has, and what it could gain.
JailResult drop_capabilities();
/// Last of all: Landlock and the seccomp filter.
JailResult lock_jail(const JailPlan& plan);

}  // namespace fcvm::base
