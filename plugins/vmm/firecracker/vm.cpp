// See vm.hpp. The life of a VM; how it begins is in begin.cpp.
#include "plugins/vmm/firecracker/vm.hpp"

#include <utility>

#include <fcvm/sdk/sized.hpp>

#include "core/base/printable.hpp"
#include "plugins/vmm/common/snapshot_files.hpp"
#include "plugins/vmm/firecracker/vsock.hpp"

namespace fcvm::firecracker {

namespace {

std::string mib(std::uint64_t bytes) { return std::to_string(bytes >> 20) + " MiB"; }

}  // namespace

Result<Response> Vm::ask(const Request& request, const std::string& doing, const Call& call) {
  auto answer = [&] {
    const std::lock_guard lock(api_mutex_);
    return client_->request(request.method, request.path, request.body, call);
  }();
  if (!answer) {
    return unexpected(process_->explain(std::move(answer).error().context(doing)));
  }
  if (answer->status >= 200 && answer->status < 300) return answer;
  const int code = answer->status == 400 ? EINVAL : EIO;
  return fail(code, doing + ": Firecracker " + version_.text + " refused " + request.method + " " +
                        request.path + ": " + base::printable(fault_in(answer->body)));
}

Result<void> Vm::pause(const Call& call) {
  FCVM_TRY(ask(pause_request(), "pausing the VM", call));
  paused_ = true;
  return {};
}

Result<void> Vm::resume(const Call& call) {
  if (!guest_socket_.empty()) FCVM_TRY(end_lost_streams(call));
  FCVM_TRY(ask(resume_request(), "resuming the VM", call));
  paused_ = false;
  return {};
}

/// A guest that was saved drops its vsock connections when it goes on, without a word to their
/// other ends, which would wait for it for ever.
Result<void> Vm::end_lost_streams(const Call& call) {
  if (!streams_lost_ && version_.mutes_vsock_on_resume()) FCVM_TRY(reset_vsock(call));
  if (!std::exchange(streams_lost_, false)) return {};
  const auto ended = end_streams(process_->pid(), process_->pidfd(), guest_socket_);
  if (!ended) {
    host_.warning("streams to the guest may hang after this pause: " + ended.error().message());
  } else if (*ended > 0) {
    host_.debug("ended " + std::to_string(*ended) + " streams that the guest has dropped");
  }
  return {};
}

/// See Version::mutes_vsock_on_resume: the guest does acknowledge a reset that it gets.
Result<void> Vm::reset_vsock(const Call& call) {
  const auto answer = ask(reset_request(), "resetting the guest's connections", call);
  // Refused, as it has to be; but only the refusal to store the state comes after the reset.
  if (!answer && answer.error().code() != EINVAL) return unexpected(answer.error());
  if (!answer && answer.error().message().find("snapshot backing file") == std::string::npos) {
    host_.warning("the guest may be deaf after this pause: " + answer.error().message());
  }
  streams_lost_ = true;
  return {};
}

/// Firecracker would refuse to save a running VM, too, but only after it has told the guest that
/// its connections are gone. And it writes into files that exist, which clones may have mapped.
Result<void> Vm::snapshot(const fcvm_vm_snapshot& snapshot, const Call& call) {
  vmm::SnapshotFiles files(process_->directory(), snapshot);
  auto parts = sized_copy(&snapshot);
  parts.device_state = files.state().c_str();
  parts.memory = files.memory().c_str();
  const Request request = FCVM_TRY(snapshot_request(parts));
  streams_lost_ = true;
  FCVM_TRY(ask(request, "making a snapshot", call));
  return files.keep();
}

Result<void> Vm::set_balloon(std::uint64_t bytes, const Call& call) {
  if (!has_balloon_) return unexpected(no_balloon("setting the balloon"));
  if (bytes >= memory_bytes_) {
    return fail(EINVAL, "setting the balloon to " + mib(bytes) + ": the VM has " +
                            mib(memory_bytes_) + " in all");
  }
  auto answer = ask(balloon_request(bytes), "setting the balloon", call);
  if (!answer && answer.error().message().find("not activated") != std::string::npos) {
    return fail(EAGAIN, "setting the balloon: the guest's kernel has not taken the device",
                "try again when the VM has booted; the guest kernel needs virtio_balloon");
  }
  FCVM_TRY(std::move(answer));
  return {};
}

/// Without statistics Firecracker knows what it asked for, and not what it got.
Result<fcvm_vm_balloon> Vm::balloon(const Call& call) {
  const std::string doing = "asking for the balloon";
  if (!has_balloon_) return unexpected(no_balloon(doing));
  const bool counts = counts_balloon_;
  const auto answer =
      FCVM_TRY(ask(counts ? balloon_statistics_request() : balloon_config_request(), doing, call));
  auto figures = counts ? balloon_in(answer.body) : std::nullopt;
  if (const auto target = counts ? std::nullopt : balloon_target_in(answer.body)) {
    figures = sized<fcvm_vm_balloon>();
    figures->target_bytes = figures->actual_bytes = *target;
  }
  if (!figures) {
    return fail(EPROTO, doing + ": Firecracker's answer is none: " +
                            base::printable(answer.body.substr(0, 200)));
  }
  return *figures;
}

Error Vm::no_balloon(const std::string& doing) const {
  return Error(ENOTSUP,
               doing + ": Firecracker " + version_.text + " gives a VM with huge pages no balloon",
               "install Firecracker 1.14 or newer, or go without huge pages");
}

Result<void> Vm::set_metadata(const char* json, const Call& call) {
  if (!has_nic_) {
    return fail(ENOTSUP,
                "replacing the metadata: the VM has no network interface to reach it through");
  }
  const Request document = FCVM_TRY(metadata_request(json));
  FCVM_TRY(ask(document, "replacing the metadata", call));
  return {};
}

Result<Fd> Vm::connect(std::uint32_t port, const Call& call) {
  if (guest_socket_.empty()) {
    return fail(ENOTSUP, "connecting to a guest port: the VM was started without a guest socket");
  }
  auto stream = dial_guest(process_->directory(), guest_socket_, port, call);
  // Nobody listens, most likely; only a process that has ended needs explaining.
  if (!stream && !process_->running()) {
    return unexpected(process_->explain(std::move(stream).error()));
  }
  return stream;
}

Result<void> Vm::kill(const Call& call) { return process_->kill(call); }

fcvm_vm_status Vm::status() {
  auto status = process_->status(paused_);
  put_text(status.vmm_version, "firecracker " + version_.text);
  put_text(status.snapshot_format, version_.snapshot_format);
  put_text(status.vmm_path, binary_);
  put_text(status.accelerator, "kvm");
  return status;
}

}  // namespace fcvm::firecracker
