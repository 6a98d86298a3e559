// Namespace: owns a handle of a Linux namespace; and running code in namespaces other than our own.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <sys/types.h>
#include <utility>

#include <fcvm/result.hpp>

#include "core/base/io/fd.hpp"

namespace fcvm::base {

enum class NamespaceKind { kUser, kMount, kNet, kPid, kIpc, kUts, kCgroup };

/// The CLONE_NEW... flag, and the name below /proc/PID/ns.
int clone_flag(NamespaceKind kind);
const char* name_of(NamespaceKind kind);

/// A borrowed handle, as spawn() and in_namespaces() take it.
struct NamespaceFd {
  NamespaceKind kind;
  int fd;
};

class Namespace {
 public:
  static Result<Namespace> of_process(pid_t pid, NamespaceKind kind);
  static Result<Namespace> of_this_thread(NamespaceKind kind);
  /// Such as /run/netns/NAME. Fails with EINVAL when a namespace of another kind is there.
  static Result<Namespace> at_path(const std::string& path, NamespaceKind kind);
  /// A new network namespace, loopback down, which lives as long as a handle or a process in it.
  /// Needs CAP_SYS_ADMIN; the caller stays where it is.
  static Result<Namespace> new_net();

  [[nodiscard]] NamespaceKind kind() const noexcept { return kind_; }
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  [[nodiscard]] NamespaceFd borrow() const noexcept { return {kind_, fd_.get()}; }
  /// Whether both are handles of one namespace.
  [[nodiscard]] Result<bool> same_as(const Namespace& other) const;

 private:
  Namespace(NamespaceKind kind, Fd fd) : kind_(kind), fd_(std::move(fd)) {}

  NamespaceKind kind_;
  Fd fd_;
};

/// Runs `task` on a thread of its own that has entered the namespaces first, and waits for it: the
/// calling thread never leaves its own. A user namespace cannot be entered by a thread (spawn a
/// child), and a pid namespace takes only the children of the thread.
Result<void> in_namespaces(std::span<const NamespaceFd> namespaces,
                           const std::function<Result<void>()>& task);

/// The same for one namespace and a task that returns Result<T>:
///   Fd tap = FCVM_TRY(in_namespace(net, [&] { return open_tap("tap0"); }));
template <typename Task>
auto in_namespace(const Namespace& entered, Task&& task) -> decltype(task()) {
  using T = typename decltype(task())::value_type;
  const NamespaceFd handle = entered.borrow();
  if constexpr (std::is_void_v<T>) {
    return in_namespaces({&handle, 1}, std::forward<Task>(task));
  } else {
    std::optional<T> value;
    const auto keep_value = [&]() -> Result<void> {
      value.emplace(FCVM_TRY(task()));
      return {};
    };
    FCVM_TRY(in_namespaces({&handle, 1}, keep_value));
    return *std::move(value);
  }
}

}  // namespace fcvm::base
