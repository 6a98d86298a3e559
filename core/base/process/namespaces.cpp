// See namespaces.hpp.
#include "core/base/process/namespaces.hpp"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <system_error>
#include <thread>

namespace fcvm::base {

namespace {

Result<void> enter(const NamespaceFd& entered) {
  const std::string what = std::string("entering the ") + name_of(entered.kind) + " namespace";
  // A thread shares its working directory and root with the others until it says otherwise, and
  // while it does it may not change its mount namespace.
  if (entered.kind == NamespaceKind::kMount && ::unshare(CLONE_FS) != 0) return fail_errno(what);
  if (::setns(entered.fd, clone_flag(entered.kind)) != 0) return fail_errno(what);
  return {};
}

/// The task's namespaces, or its thread, must not outlive it: so it is a thread, joined here.
Result<void> on_own_thread(const std::function<Result<void>()>& task) {
  Result<void> result;
  try {
    std::thread thread([&] { result = task(); });
    thread.join();
  } catch (const std::system_error& error) {
    return fail(error.code().value(), std::string("starting a thread: ") + error.what());
  }
  return result;
}

}  // namespace

int clone_flag(NamespaceKind kind) {
  switch (kind) {
    case NamespaceKind::kUser:
      return CLONE_NEWUSER;
    case NamespaceKind::kMount:
      return CLONE_NEWNS;
    case NamespaceKind::kNet:
      return CLONE_NEWNET;
    case NamespaceKind::kPid:
      return CLONE_NEWPID;
    case NamespaceKind::kIpc:
      return CLONE_NEWIPC;
    case NamespaceKind::kUts:
      return CLONE_NEWUTS;
    case NamespaceKind::kCgroup:
      return CLONE_NEWCGROUP;
  }
  return 0;
}

const char* name_of(NamespaceKind kind) {
  switch (kind) {
    case NamespaceKind::kUser:
      return "user";
    case NamespaceKind::kMount:
      return "mnt";
    case NamespaceKind::kNet:
      return "net";
    case NamespaceKind::kPid:
      return "pid";
    case NamespaceKind::kIpc:
      return "ipc";
    case NamespaceKind::kUts:
      return "uts";
    case NamespaceKind::kCgroup:
      return "cgroup";
  }
  return "unknown";
}

Result<Namespace> Namespace::of_process(pid_t pid, NamespaceKind kind) {
  return at_path("/proc/" + std::to_string(pid) + "/ns/" + name_of(kind), kind);
}

Result<Namespace> Namespace::of_this_thread(NamespaceKind kind) {
  return at_path(std::string("/proc/thread-self/ns/") + name_of(kind), kind);
}

Result<Namespace> Namespace::at_path(const std::string& path, NamespaceKind kind) {
  Fd fd = FCVM_TRY(open_file(path, O_RDONLY));
  if (::ioctl(fd.get(), NS_GET_NSTYPE) != clone_flag(kind)) {
    return fail(EINVAL, "opening " + path + ": it is not a " + name_of(kind) + " namespace");
  }
  return Namespace(kind, std::move(fd));
}

Result<Namespace> Namespace::new_net() {
  std::optional<Namespace> made;
  const auto make = [&]() -> Result<void> {
    if (::unshare(CLONE_NEWNET) != 0) return fail_errno("making a network namespace");
    made = FCVM_TRY(of_this_thread(NamespaceKind::kNet));
    return {};
  };
  FCVM_TRY(on_own_thread(make));
  return *std::move(made);
}

Result<bool> Namespace::same_as(const Namespace& other) const {
  struct stat mine {};
  struct stat theirs {};
  if (::fstat(fd(), &mine) != 0 || ::fstat(other.fd(), &theirs) != 0) {
    return fail_errno(std::string("comparing ") + name_of(kind_) + " namespaces");
  }
  return mine.st_dev == theirs.st_dev && mine.st_ino == theirs.st_ino;
}

Result<void> in_namespaces(std::span<const NamespaceFd> namespaces,
                           const std::function<Result<void>()>& task) {
  return on_own_thread([&]() -> Result<void> {
    for (const NamespaceFd& entered : namespaces) FCVM_TRY(enter(entered));
    return task();
  });
}

}  // namespace fcvm::base
