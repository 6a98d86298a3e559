// What happens to a supervised VM: signals, the VMM's end, the guest's events.
#include <fcntl.h>

#include "core/base/jail/jail_filter.hpp"
#include "core/base/process/process_id.hpp"
#include "core/vm/logs/console_tail.hpp"
#include "core/vm/supervisor/supervisor_impl.hpp"

namespace fcvm::vm {
namespace {

constexpr auto kClosedSinkGrace = 1s;

Error guest_failure(const wire::Event& event) {
  const bool disk_is_full = event.text.find("no space left on device") != std::string::npos;
  return Error(event.code > 0 ? event.code : EIO,
               fmt::format("the guest failed at \"{}\": {}", event.stage, event.text),
               disk_is_full ? "give the VM a larger disk: --rootfs-size" : "");
}

}  // namespace

void Supervisor::Impl::wait_for_signal() {
  signals_.async_wait([this](const boost::system::error_code& error, int number) {
    if (error) return;
    on_signal(number);
    wait_for_signal();
  });
}

void Supervisor::Impl::on_signal(int number) {
  const bool ends = number == SIGINT || number == SIGTERM;
  if (ends && ++signals_seen_ > 1) {
    if (!exit_code_) exit_code_ = 128 + number;
    return tear_down();
  }
  if (phase_ == Phase::kStopping && ends) return stop_container(number, plan_.stop_grace);
  if (phase_ == Phase::kRunning || phase_ == Phase::kPaused) {
    if (ends) {
      stop_container(number, plan_.stop_grace);
    } else {
      signal_container(number, [](const Result<ControlAnswer>&) {});
    }
  } else if (phase_ == Phase::kStarting && ends) {
    // Nothing to be gentle with yet.
    exit_code_ = 128 + number;
    tear_down();
  }
}

std::vector<ProcessRecord> Supervisor::Impl::running_processes() {
  std::vector<ProcessRecord> records;
  for (const auto& process : processes_.running()) {
    const auto id = base::identify(process.pid);
    if (!id) continue;
    ProcessRecord& record = records.emplace_back();
    record.name = process.name;
    record.id = *id;
    if (!process.jail) continue;
    record.jail = base::name_of(process.jail->level);
    record.jail_reason = process.jail->reason;
  }
  return records;
}

/// The VMM's pidfd turns readable when it has ended, whatever the reason.
void Supervisor::Impl::watch_vmm() {
  auto status = launch_->machine().status();
  if (!status) return;
  vmm_pidfd_ = Fd(::fcntl(status->pidfd, F_DUPFD_CLOEXEC, 0));
  if (tearing_down_) return;
  machine_runs_ = true;
  // The guest may never say that its container runs.
  if (plan_.lifetime) end_after_lifetime(plan_.start_limit + *plan_.lifetime);
  change_record([&](Record& record) {
    record.image_digest = launch_->image_digest();
    record.vmm_version = text_of(status->vmm_version);
    record.accelerator = text_of(status->accelerator);
    if (auto id = base::identify(status->pid)) record.vmm = *id;
    record.processes = running_processes();
  });
  if (cgroup_.fd() >= 0) limit_cgroup(text_of(status->accelerator) != "kvm");
  // From here on a guest speaks to this process, which has fetched and made whatever took more.
  if (auto confined = base::leave_the_machine_alone(); !confined) {
    log::warning("vm", "the supervisor is not confined: {}", confined.error().message());
  }
  const int own = ::fcntl(status->pidfd, F_DUPFD_CLOEXEC, 0);
  if (own < 0) return;
  vmm_watch_.emplace(loop_, own);
  vmm_watch_->async_wait(asio::posix::stream_descriptor::wait_read,
                         [this](const boost::system::error_code& error) {
                           if (!error) on_vmm_ended();
                         });
}

void Supervisor::Impl::on_vmm_ended() {
  if (tearing_down_) return;
  auto status = launch_->machine().status();
  std::string reason = status ? std::string(text_of(status->end_reason)) : status.error().message();
  if (cgroup_.fd() >= 0 && ran_out_of_memory(record_.cgroup)) {
    reason += fmt::format(", since it used all that its limits allow ({})", record_.limits);
  }
  if (exit_code_) return tear_down();  // it had nothing left to do
  fail_with(Error(EIO,
                  fmt::format("the VM ended before its container did: {}{}", reason,
                              console_tail(context_.store.paths().console_log(record_.id))),
                  console_remedy()));
}

std::string Supervisor::Impl::console_remedy() const {
  return plan_.remove_when_done
             ? "without --rm its whole console is kept"
             : fmt::format("the whole console: fcvm logs --console {}", record_.name);
}

/// On the thread that reads them, which waits while too many are on their way: a guest may tell
/// faster than the control thread listens.
void Supervisor::Impl::take_guest_event(const wire::Event& event) {
  if (event.kind == wire::EventKind::kNone || event.kind > wire::EventKind::kPoweringOff) return;
  guest_events_.acquire();
  on_control([this, event] {
    guest_events_.release();
    on_guest_event(event);
  });
}

void Supervisor::Impl::on_guest_event(const wire::Event& event) {
  switch (event.kind) {
    case wire::EventKind::kProgress:
      log::debug("guest", "{:.3f} s: {}", static_cast<double>(event.uptime_us) / 1e6, event.stage);
      return;
    case wire::EventKind::kStarted:
      return on_started(event);
    case wire::EventKind::kExited:
      return on_exited(event);
    case wire::EventKind::kFailed:
      return fail_with(guest_failure(event));
    default:
      return;
  }
}

void Supervisor::Impl::on_started(const wire::Event& event) {
  if (phase_ != Phase::kStarting || tearing_down_) return;
  log::debug("guest", "{:.3f} s: the container runs", static_cast<double>(event.uptime_us) / 1e6);
  change_record([](Record& record) { record.started_ns = now_ns(); });
  start_timer_.cancel();
  if (plan_.lifetime) end_after_lifetime(*plan_.lifetime);
  enter(Phase::kRunning);
  attachments_.begin(plan_.container.tty, plan_.container.interactive);
  output_->wake();
  log_happening("start");
  if (context_.on_started) context_.on_started(record_);
}

/// The guest was told what to run, and has said that it will.
void Supervisor::Impl::expect_start() {
  if (phase_ != Phase::kStarting || tearing_down_) return;
  start_timer_.expires_after(plan_.start_limit);
  start_timer_.async_wait([this](const boost::system::error_code& cancelled) {
    if (cancelled || phase_ != Phase::kStarting) return;
    fail_with(Error(ETIMEDOUT,
                    fmt::format("the guest did not start its container within {} s{}",
                                static_cast<double>(plan_.start_limit.count()) / 1000,
                                console_tail(context_.store.paths().console_log(record_.id))),
                    console_remedy()));
  });
}

/// The earliest of the limits that were set counts, so a guest that says late that its container
/// runs gains little.
void Supervisor::Impl::end_after_lifetime(std::chrono::milliseconds limit) {
  const auto at = std::chrono::steady_clock::now() + limit;
  if (dies_at_ && *dies_at_ <= at) return;
  dies_at_ = at;
  lifetime_.expires_at(at);
  lifetime_.async_wait([this](const boost::system::error_code& cancelled) {
    if (cancelled || tearing_down_) return;
    if (phase_ == Phase::kStarting) {
      end_by_force(0ms);  // nothing to be gentle with yet
    } else {
      stop_container(SIGKILL, 0ms);
    }
    const std::string why = fmt::format("it ran for its --timeout of {} s",
                                        static_cast<double>(plan_.lifetime->count()) / 1000);
    change_record([&](Record& record) { record.error = why; });
    log::warning("vm", "VM {} is ended: {}", record_.name, why);
  });
}

void Supervisor::Impl::on_exited(const wire::Event& event) {
  if (exit_code_) return;
  // A container that never ran (127, 126) has an exit code, too, and its caller waits for it.
  if (phase_ == Phase::kStarting) on_started(event);
  // No other is possible, and what is not must not look like success.
  exit_code_ = event.code < 0 || event.code > 255 ? 255 : event.code;
  enter(Phase::kStopping);
  finish();
}

void Supervisor::Impl::on_output_end() {
  output_ended_ = true;
  finish();
}

/// Nobody reads on, so it ends soon, as a writer into a closed pipe does.
void Supervisor::Impl::on_sink_closed() {
  sink_closed_ = true;
  stop_container(SIGTERM, kClosedSinkGrace);
}

/// As if the one who runs the container had sent it to us.
void Supervisor::Impl::on_own_signal(int number) {
  if (number == SIGPIPE) return on_sink_closed();
  on_signal(number);
}

void Supervisor::Impl::on_detach() {
  is_attached_ = false;
  change_record([](Record& record) { record.detached = true; });
  if (context_.on_detached) context_.on_detached(record_);
}

/// What a terminal's end is to the programs in it; the VM does not outlive who runs it.
void Supervisor::Impl::on_hang_up() {
  is_attached_ = false;
  if (sink_closed_) return;  // it has said so before, and is obeyed
  if (phase_ == Phase::kStarting) return on_signal(SIGTERM);
  stop_container(plan_.container.tty ? SIGHUP : SIGTERM, plan_.stop_grace);
}

}  // namespace fcvm::vm
