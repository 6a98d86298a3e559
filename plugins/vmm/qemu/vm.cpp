// See vm.hpp. The life of a VM; how it begins is in begin.cpp.
#include "plugins/vmm/qemu/vm.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include "core/base/io/socket_pair.hpp"
#include "plugins/vmm/common/snapshot_files.hpp"
#include "plugins/vmm/common/tail.hpp"
#include "plugins/vmm/qemu/sparse.hpp"

namespace fcvm::qemu {

namespace {

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
  process_.set({});
  relay_.reset();
  if (directory_ && !guest_socket_.empty()) {
    ::unlinkat(directory_.get(), guest_socket_.c_str(), 0);
  }
}

Result<void> Vm::pause(const Call& call) {
  auto stopped = qmp_->stop(call);
  if (!stopped) return unexpected(explain(std::move(stopped).error()));
  paused_ = true;
  return {};
}

Result<void> Vm::resume(const Call& call) {
  auto running = qmp_->cont(call);
  if (!running) return unexpected(explain(std::move(running).error()));
  paused_ = false;
  device_state_.reset();
  return {};
}

Result<void> Vm::snapshot(const fcvm_vm_snapshot& snapshot, const Call& call) {
  if (snapshot.type != FCVM_SNAPSHOT_FULL) {
    return fail(ENOTSUP,
                "making a snapshot: QEMU does not tell which pages have changed since the "
                "last one, so it makes full snapshots only",
                "make a full snapshot, or use --vmm firecracker");
  }
  vmm::SnapshotFiles files(directory_.get(), snapshot);
  auto saved = save_device_state(files.state(), call);
  if (!saved) return unexpected(explain(std::move(saved).error().context("making a snapshot")));
  FCVM_TRY(memory_.save(directory_.get(), files.memory(), process_.status().pid, call) |
           context("making a snapshot"));
  return files.keep();
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
  auto figures = qmp_->query_balloon(memory_bytes_, call);
  if (!figures) return unexpected(explain(std::move(figures).error()));
  figures->target_bytes = balloon_target_;
  return figures;
}

Result<Fd> Vm::connect(std::uint32_t port, const Call& call) {
  auto stream = relay_->dial(port, call);
  if (!stream && stream.error().code() == ESRCH) {
    return unexpected(explain(std::move(stream).error()));
  }
  return stream;
}

Result<void> Vm::kill(const Call& call) {
  FCVM_TRY(process_.kill(call));
  (void)end_reason();
  return {};
}

fcvm_vm_status Vm::status() {
  auto status = process_.vm_status(paused_);
  put_text(status.vmm_version, "qemu " + version_.text() + " " + platform_.accelerator());
  put_text(status.vmm_path, binary_);
  put_text(status.accelerator, platform_.accelerator());
  return status;
}

Result<void> Vm::must_live(const std::string& doing) {
  if (process_.running()) return {};
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
  return process_.end_reason([this] { return find_end_reason(); });
}

std::string Vm::find_end_reason() {
  const std::string why = qmp_->shutdown_reason();
  if (why == "guest-shutdown") return "guest powered off";
  if (why.rfind("guest-", 0) == 0) {
    const std::string panic = vmm::kernel_panic_in(vmm::tail_of(directory_.get(), console_, 8192));
    if (!panic.empty()) return "guest kernel panicked: " + panic;
    return why == "guest-panic" ? "guest kernel panicked" : "guest rebooted";
  }
  const std::string killer = process_.killer();
  if (!killer.empty()) return killer;
  const std::string said = vmm::tail_of(directory_.get(), kLog, 200);
  std::string reason = "QEMU exited with " + std::to_string(process_.status().exit_code);
  return said.empty() ? reason : reason + ": " + said;
}

}  // namespace fcvm::qemu
