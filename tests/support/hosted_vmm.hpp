// HostedVmm: a VMM plugin whose guest needs no VM: a program that serves the guest's ports on Unix
// sockets in its working directory, fc-agent or one that means harm.
#pragma once

#include <csignal>
#include <fcntl.h>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <fcvm/vmm.hpp>

#include "core/base/io/unix_socket.hpp"

namespace fcvm::tests {

class HostedVmm : public VmmPlugin {
 public:
  HostedVmm(Host host, std::vector<std::string> program)
      : host_(host), program_(std::move(program)) {}

  Result<void> start(const fcvm_vm_spec& spec, const Call&) {
    auto started = FCVM_TRY(host_.spawn(program_, ProcessSpec().in_directory(spec.directory_fd)));
    const std::lock_guard lock(mutex_);
    directory_ = Fd(::fcntl(spec.directory_fd, F_DUPFD_CLOEXEC, 0));
    process_ = std::move(started);
    state_ = FCVM_VM_RUNNING;
    return {};
  }
  Result<void> pause(const Call&) { return move(SIGSTOP, FCVM_VM_PAUSED); }
  Result<void> resume(const Call&) { return move(SIGCONT, FCVM_VM_RUNNING); }
  Result<Fd> connect(std::uint32_t port, const Call&) {
    auto socket = base::connect_unix_at(directory_.get(), std::to_string(port));
    if (!socket && socket.error().code() == ENOENT) return fail(ECONNREFUSED, "not yet");
    return socket;
  }
  Result<fcvm_vm_status> status() {
    const std::lock_guard lock(mutex_);
    const auto process = process_.status();
    auto status = sized<fcvm_vm_status>();
    if (state_ != FCVM_VM_NEW && process.running == 0) state_ = FCVM_VM_ENDED;
    status.state = state_;
    status.pid = process.pid;
    status.pidfd = process_.pidfd();
    put_text(status.end_reason, "its process ended");
    return status;
  }
  Result<void> kill(const Call&) {
    const std::lock_guard lock(mutex_);
    process_.stop(std::chrono::nanoseconds(0));
    state_ = FCVM_VM_ENDED;
    return {};
  }

 private:
  Result<void> move(int signal, std::uint32_t to) {
    const std::lock_guard lock(mutex_);
    FCVM_TRY(process_.signal(signal));
    state_ = to;
    return {};
  }

  Host host_;
  const std::vector<std::string> program_;
  std::mutex mutex_;  // status() may be called from any thread
  Fd directory_;
  Process process_;
  std::uint32_t state_ = FCVM_VM_NEW;
};

}  // namespace fcvm::tests
