// See vm.hpp. The life of a VM; how it begins is in begin.cpp.
#include "plugins/vmm/qemu/vm.hpp"

#include <csignal>
#include <fcntl.h>
#include <sys/stat.h>

#include "core/base/io/socket_pair.hpp"
#include "plugins/vmm/common/new_files.hpp"
#include "plugins/vmm/common/tail.hpp"
#include "plugins/vmm/qemu/sparse.hpp"

namespace fcvm::qemu {

namespace {

/// The end of a snapshot's names until it is whole.
constexpr const char* kUnfinished = ".new";
constexpr std::chrono::milliseconds kDrainLimit{1000};

}  // namespace

Vm::Vm(const Host& host, const fcvm_vm_spec& spec, Platform platform, std::string binary)
    : host_(host),
      platform_(std::move(platform)),
      binary_(std::move(binary)),
      memory_bytes_(spec.memory_bytes),
      console_(spec.console == nullptr ? "" : spec.console) {}

/// The process goes first, so that the relay sees its end; then the relay's thread.
Vm::~Vm() {
  process_ = Process();
  relay_.reset();
  if (directory_ && !guest_socket_.empty()) {
    ::unlinkat(directory_.get(), guest_socket_.c_str(), 0);
  }
}

Result<void> Vm::pause(const Call& call) {
  FCVM_TRY(must_live("pausing the VM"));
  auto stopped = qmp_->stop(call);
  if (!stopped) return unexpected(explain(std::move(stopped).error()));
  paused_ = true;
  return {};
}

Result<void> Vm::resume(const Call& call) {
  FCVM_TRY(must_live("resuming the VM"));
  auto running = qmp_->cont(call);
  if (!running) return unexpected(explain(std::move(running).error()));
  paused_ = false;
  device_state_.reset();
  return {};
}

Result<void> Vm::snapshot(const fcvm_vm_snapshot& snapshot, const Call& call) {
  FCVM_TRY(must_live("making a snapshot"));
  if (snapshot.device_state == nullptr || snapshot.memory == nullptr) {
    return fail(EINVAL, "making a snapshot: no file is named for its state or its memory");
  }
  if (snapshot.type != FCVM_SNAPSHOT_FULL) {
    return fail(ENOTSUP,
                "making a snapshot: QEMU does not tell which pages have changed since the "
                "last one, so it makes full snapshots only",
                "make a full snapshot, or use --vmm firecracker");
  }
  if (!paused_) return fail(EINVAL, "making a snapshot: the VM is running", "pause it first");
  const std::string state = std::string(snapshot.device_state) + kUnfinished;
  const std::string memory = std::string(snapshot.memory) + kUnfinished;
  const vmm::NewFiles made(directory_.get(), {state, memory});
  auto saved = save_device_state(state, call);
  if (!saved) return unexpected(explain(std::move(saved).error().context("making a snapshot")));
  FCVM_TRY(memory_.save(directory_.get(), memory, process_.status().pid, call) |
           context("making a snapshot"));
  if (::renameat(directory_.get(), memory.c_str(), directory_.get(), snapshot.memory) != 0 ||
      ::renameat(directory_.get(), state.c_str(), directory_.get(), snapshot.device_state) != 0) {
    return fail_errno("keeping the snapshot");
  }
  return {};
}

Result<void> Vm::save_device_state(const std::string& name, const Call& call) {
  Fd file = FCVM_TRY(replace_file(directory_.get(), name));
  if (device_state_) {
    struct stat status {};
    if (::fstat(device_state_.get(), &status) != 0) return fail_errno("looking at the last state");
    return copy_sparse(device_state_.get(), file.get(), static_cast<std::uint64_t>(status.st_size),
                       call);
  }
  FCVM_TRY(write_layout(file.get(), layout_, version_));
  auto pair = FCVM_TRY(base::SocketPair::create());
  FCVM_TRY(qmp_->save_state(pair.second, call));
  pair.second.reset();
  FCVM_TRY(receive_stream(pair.first.get(), file.get(), call));
  FCVM_TRY(qmp_->await_state(call));
  device_state_ = std::move(file);
  return {};
}

/// fcvm counts what is taken from the guest, QEMU what is left to it.
Result<void> Vm::set_balloon(std::uint64_t bytes, const Call& call) {
  FCVM_TRY(must_live("setting the balloon"));
  if (bytes >= memory_bytes_) {
    return fail(EINVAL, "setting the balloon to " + std::to_string(bytes >> 20) +
                            " MiB: the VM has " + std::to_string(memory_bytes_ >> 20) +
                            " MiB in all");
  }
  auto set = qmp_->balloon(memory_bytes_ - bytes, call);
  if (!set) return unexpected(explain(std::move(set).error()));
  balloon_target_ = bytes;
  return {};
}

Result<fcvm_vm_balloon> Vm::balloon(const Call& call) {
  FCVM_TRY(must_live("asking for the balloon"));
  auto figures = qmp_->query_balloon(memory_bytes_, call);
  if (!figures) return unexpected(explain(std::move(figures).error()));
  figures->target_bytes = balloon_target_;
  return figures;
}

Result<Fd> Vm::connect(std::uint32_t port, const Call& call) {
  FCVM_TRY(must_live("connecting to guest port " + std::to_string(port)));
  auto stream = relay_->dial(port, call);
  if (!stream && stream.error().code() == ESRCH) {
    return unexpected(explain(std::move(stream).error()));
  }
  return stream;
}

Result<void> Vm::kill(const Call& call) {
  if (process_.status().running != 0) {
    killed_ = true;
    auto signalled = process_.signal(SIGKILL);
    if (!signalled && signalled.error().code() != ESRCH) return signalled;
    FCVM_TRY(process_.wait(call) | context("killing QEMU: the kernel still holds it"));
  }
  (void)end_reason();
  return {};
}

fcvm_vm_status Vm::status() {
  const auto process = process_.status();
  auto status = sized<fcvm_vm_status>();
  const bool running = process.running != 0;
  status.state = !running ? FCVM_VM_ENDED : paused_ ? FCVM_VM_PAUSED : FCVM_VM_RUNNING;
  status.pid = process.pid;
  status.pidfd = process_.pidfd();
  status.exit_code = process.exit_code;
  status.exit_signal = process.exit_signal;
  put_text(status.vmm_version, "qemu " + version_.text() + " " + platform_.accelerator());
  put_text(status.vmm_path, binary_);
  put_text(status.accelerator, platform_.accelerator());
  if (!running) {
    const std::lock_guard lock(mutex_);
    put_text(status.end_reason, end_reason_);
  }
  return status;
}

Result<void> Vm::must_live(const std::string& doing) {
  if (process_.status().running != 0) return {};
  return unexpected(explain(Error(ESRCH, doing)));
}

Error Vm::explain(Error error) {
  const bool broke = error.code() == EPIPE || error.code() == ESRCH || error.code() == ECONNRESET;
  if (!broke) return error;
  pollfd ended{process_.pidfd(), POLLIN, 0};
  (void)::poll(&ended, 1, static_cast<int>(kDrainLimit.count()));
  logs_->settle();
  std::string message = error.message() + ": " + end_reason();
  const std::string console = vmm::tail_of(directory_.get(), console_);
  if (!console.empty()) message += "\nthe console ended with:\n" + console;
  return Error(error.code(), std::move(message), error.remedy());
}

std::string Vm::end_reason() {
  (void)relay_->wait_ended(kDrainLimit);
  logs_->settle();
  const std::lock_guard lock(mutex_);
  if (end_reason_.empty()) end_reason_ = find_end_reason();
  return end_reason_;
}

std::string Vm::find_end_reason() {
  const std::string why = qmp_->shutdown_reason();
  if (why == "guest-shutdown") return "guest powered off";
  if (why.rfind("guest-", 0) == 0) {
    const std::string panic = vmm::kernel_panic_in(vmm::tail_of(directory_.get(), console_, 8192));
    if (!panic.empty()) return "guest kernel panicked: " + panic;
    return why == "guest-panic" ? "guest kernel panicked" : "guest rebooted";
  }
  const auto process = process_.status();
  if (killed_) return "killed by fcvm";
  if (process.exit_signal != 0) return "killed by signal " + std::to_string(process.exit_signal);
  const std::string said = vmm::tail_of(directory_.get(), kLog, 200);
  std::string reason = "QEMU exited with " + std::to_string(process.exit_code);
  return said.empty() ? reason : reason + ": " + said;
}

}  // namespace fcvm::qemu
