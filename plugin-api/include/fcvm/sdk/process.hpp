// fcvm::Process: a child that the host started for a plugin, and what starting one takes.
#pragma once

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <poll.h>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

#include <fcvm/host.h>
#include <fcvm/result.hpp>
#include <fcvm/sdk/call.hpp>
#include <fcvm/sdk/fd.hpp>
#include <fcvm/sdk/sized.hpp>

namespace fcvm {

/// A process specification whose setters say in `flags` what they give. Descriptors are borrowed;
/// -1 gives none.
struct ProcessSpec : fcvm_process_spec {
  ProcessSpec() : fcvm_process_spec(sized<fcvm_process_spec>()) {}

  ProcessSpec& in_directory(int fd) { return give(FCVM_PROCESS_HAS_DIRECTORY, directory_fd, fd); }
  ProcessSpec& from(int fd) { return give(FCVM_PROCESS_HAS_STDIN, stdin_fd, fd); }
  ProcessSpec& to(int fd) { return give(FCVM_PROCESS_HAS_STDOUT, stdout_fd, fd); }
  ProcessSpec& errors_to(int fd) { return give(FCVM_PROCESS_HAS_STDERR, stderr_fd, fd); }
  ProcessSpec& in_user_namespace(int fd) {
    return give(FCVM_PROCESS_HAS_USER_NAMESPACE, user_namespace_fd, fd);
  }
  ProcessSpec& in_net_namespace(int fd) {
    return give(FCVM_PROCESS_HAS_NET_NAMESPACE, net_namespace_fd, fd);
  }
  ProcessSpec& in_cgroup(int fd) { return give(FCVM_PROCESS_HAS_CGROUP, cgroup_fd, fd); }

 private:
  ProcessSpec& give(std::uint32_t bit, std::int32_t& field, int fd) {
    put_fd(flags, bit, field, fd);
    return *this;
  }
};

/// The same for soft and hard.
[[nodiscard]] inline fcvm_resource_limit resource_limit(int resource, std::uint64_t most) {
  auto limit = sized<fcvm_resource_limit>();
  limit.resource = static_cast<std::uint32_t>(resource);
  limit.soft = limit.hard = most;
  return limit;
}

/// What a jail is to have besides the host's own list; for reading, unless FCVM_JAIL_WRITABLE.
class JailItems {
 public:
  void add(std::string path, std::uint32_t flags = 0) {
    paths_.push_back(std::move(path));
    flags_.push_back(flags);
  }
  /// Good until the next add(), or the end of this object.
  [[nodiscard]] const fcvm_jail_spec* spec() {
    items_.clear();
    pointers_.clear();
    for (std::size_t i = 0; i < paths_.size(); ++i) {
      auto item = sized<fcvm_jail_item>();
      item.flags = flags_[i];
      item.path = paths_[i].c_str();
      items_.push_back(item);
    }
    for (const auto& item : items_) pointers_.push_back(&item);
    spec_ = sized<fcvm_jail_spec>();
    spec_.items = pointers_.data();
    spec_.item_count = static_cast<std::uint32_t>(pointers_.size());
    return &spec_;
  }

 private:
  std::vector<std::string> paths_;
  std::vector<std::uint32_t> flags_;
  std::vector<fcvm_jail_item> items_;
  std::vector<const fcvm_jail_item*> pointers_;
  fcvm_jail_spec spec_{};
};

/// A child process started by the host. Destroying it ends the child.
class [[nodiscard]] Process {
 public:
  Process() = default;
  Process(const fcvm_host* host, const fcvm_process_v1& api, std::uint64_t handle)
      : host_(host), api_(api), handle_(handle) {}
  Process(Process&& other) noexcept
      : host_(std::exchange(other.host_, nullptr)), api_(other.api_), handle_(other.handle_) {}
  Process& operator=(Process&& other) noexcept {
    if (this != &other) {
      stop(std::chrono::nanoseconds(0));
      host_ = std::exchange(other.host_, nullptr);
      api_ = other.api_;
      handle_ = other.handle_;
    }
    return *this;
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process() { stop(std::chrono::nanoseconds(0)); }

  [[nodiscard]] explicit operator bool() const { return host_ != nullptr; }
  [[nodiscard]] fcvm_process_status status() const {
    auto now = sized<fcvm_process_status>();
    if (host_ != nullptr) api_.status(host_, handle_, &now, nullptr);
    return now;
  }
  /// Borrowed; readable once the child has ended.
  [[nodiscard]] int pidfd() const { return host_ == nullptr ? -1 : api_.pidfd(host_, handle_); }
  Result<void> signal(int number) {
    if (host_ == nullptr) return fail(ESRCH, "signalling a process that was not started");
    auto error = sized<fcvm_error>();
    const auto code = api_.signal(host_, handle_, number, &error);
    if (code != 0) return unexpected(take_error(code, error));
    return {};
  }
  /// Waits until it has ended.
  Result<fcvm_process_status> wait(const Call& call) const {
    if (host_ == nullptr) return fail(ESRCH, "waiting for a process that was not started");
    FCVM_TRY(call.wait(pidfd(), POLLIN));
    return status();
  }
  /// TERM, the grace, KILL; returns when it is reaped.
  void stop(std::chrono::nanoseconds grace) {
    if (host_ != nullptr) api_.release(std::exchange(host_, nullptr), handle_, grace.count());
  }

 private:
  const fcvm_host* host_ = nullptr;
  fcvm_process_v1 api_{};
  std::uint64_t handle_ = 0;
};

namespace sdk {

/// argv as C wants it; borrows the words.
[[nodiscard]] inline std::vector<const char*> argument_vector(
    const std::vector<std::string>& words) {
  std::vector<const char*> argv;
  argv.reserve(words.size() + 1);
  for (const auto& word : words) argv.push_back(word.c_str());
  argv.push_back(nullptr);
  return argv;
}

[[nodiscard]] inline Result<std::string> read_to_end(const Fd& from, const Call& call) {
  std::string text;
  char buffer[4096];
  for (;;) {
    FCVM_TRY(call.wait(from.get(), POLLIN));
    const ssize_t count = ::read(from.get(), buffer, sizeof buffer);
    if (count == 0) return text;
    if (count > 0) text.append(buffer, static_cast<std::size_t>(count));
    if (count < 0 && errno != EINTR) return fail_errno("reading its output");
  }
}

}  // namespace sdk
}  // namespace fcvm
