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

/// A process specification with every optional part absent.
[[nodiscard]] inline fcvm_process_spec process_spec() {
  auto spec = sized<fcvm_process_spec>();
  spec.directory_fd = spec.stdin_fd = spec.stdout_fd = spec.stderr_fd = -1;
  spec.user_namespace_fd = spec.net_namespace_fd = spec.mount_namespace_fd = spec.cgroup_fd = -1;
  spec.uid = spec.gid = UINT32_MAX;
  return spec;
}

/// The same for soft and hard.
[[nodiscard]] inline fcvm_resource_limit resource_limit(int resource, std::uint64_t most) {
  auto limit = sized<fcvm_resource_limit>();
  limit.resource = static_cast<std::uint32_t>(resource);
  limit.soft = limit.hard = most;
  return limit;
}

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
    if (host_ != nullptr) api_.status(host_, handle_, &now);
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
