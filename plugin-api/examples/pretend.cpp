// vmm.pretend: the life of a VM, acted by `sleep`. Nothing boots; what is real is the process that
// the host starts, stops and reaps, and the states that follow from it.
#include <csignal>
#include <mutex>

#include <fcvm/vmm.hpp>

class Pretend : public fcvm::VmmPlugin {
 public:
  static constexpr fcvm::Info kInfo{"vmm.pretend", "1.0.0", "acts a VM's life with `sleep`"};

  explicit Pretend(fcvm::Host host) : host_(host) {}

  fcvm::Result<void> start(const fcvm_vm_spec& spec, const fcvm::Call&) {
    fcvm::ProcessSpec how;
    how.in_directory(spec.directory_fd)
        .in_net_namespace(fcvm::fd_of(spec.flags, FCVM_VM_HAS_NET_NAMESPACE, spec.net_namespace_fd))
        .in_user_namespace(
            fcvm::fd_of(spec.flags, FCVM_VM_HAS_USER_NAMESPACE, spec.user_namespace_fd))
        .in_cgroup(fcvm::fd_of(spec.flags, FCVM_VM_HAS_CGROUP, spec.cgroup_fd));
    auto started = FCVM_TRY(host_.spawn({"sleep", "infinity"}, how));
    const std::lock_guard lock(mutex_);
    process_ = std::move(started);
    state_ = FCVM_VM_RUNNING;
    return {};
  }
  fcvm::Result<void> pause(const fcvm::Call&) { return move(SIGSTOP, FCVM_VM_PAUSED); }
  fcvm::Result<void> resume(const fcvm::Call&) { return move(SIGCONT, FCVM_VM_RUNNING); }

  fcvm::Result<fcvm::Fd> connect(std::uint32_t port, const fcvm::Call&) {
    return fcvm::fail(ECONNREFUSED,
                      "connecting to guest port " + std::to_string(port) + ": nobody is in there");
  }
  fcvm::Result<fcvm_vm_status> status() {
    const std::lock_guard lock(mutex_);
    const auto process = process_.status();
    auto status = fcvm::sized<fcvm_vm_status>();
    if (state_ != FCVM_VM_NEW && process.running == 0) state_ = FCVM_VM_ENDED;
    status.state = state_;
    status.pid = process.pid;
    status.pidfd = process_.pidfd();
    fcvm::put_text(status.vmm_version, "pretend 1.0.0");
    return status;
  }
  fcvm::Result<void> kill(const fcvm::Call&) {
    const std::lock_guard lock(mutex_);
    process_.stop(std::chrono::nanoseconds(0));
    state_ = FCVM_VM_ENDED;
    return {};
  }

 private:
  fcvm::Result<void> move(int signal, std::uint32_t to) {
    const std::lock_guard lock(mutex_);
    FCVM_TRY(process_.signal(signal));
    state_ = to;
    return {};
  }

  fcvm::Host host_;
  std::mutex mutex_;  // status() may be called from any thread
  fcvm::Process process_;
  std::uint32_t state_ = FCVM_VM_NEW;
};
FCVM_EXPORT_PLUGIN(Pretend);
