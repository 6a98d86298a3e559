// What happens to a supervised VM: signals, the VMM's end, the guest's events.
#include <algorithm>
#include <fcntl.h>

#include "core/base/jail/jail_filter.hpp"
#include "core/base/process/process_id.hpp"
#include "core/vm/logs/console_tail.hpp"
#include "core/vm/logs/log_tail.hpp"
#include "core/vm/supervisor/supervisor_impl.hpp"

namespace fcvm::vm {
namespace {

Error guest_failure(const wire::Event& event) {
  const bool disk_is_full = event.text.find("no space left on device") != std::string::npos;
  return Error(event.code > 0 ? event.code : EIO,
               fmt::format("the guest failed at \"{}\": {}", event.stage, event.text),
               disk_is_full ? "give the VM a larger disk: --rootfs-size" : "");
}

constexpr const char* kHealthStarting = "starting";
/// Between two records of how a container is.
constexpr auto kHealthRest = 100ms;

std::string health_word(wire::HealthStatus status) {
  switch (status) {
    case wire::HealthStatus::kStarting:
      return kHealthStarting;
    case wire::HealthStatus::kHealthy:
      return "healthy";
    case wire::HealthStatus::kUnhealthy:
      return "unhealthy";
    case wire::HealthStatus::kNone:
      break;
  }
  return "";
}

}  // namespace

/// One after the other: what is done about one may make the next happen.
void Supervisor::Impl::happen(const lifecycle::Event& event) {
  happenings_.push_back(event);
  if (happenings_.size() > 1) return;
  while (!happenings_.empty()) {
    auto stepped =
        lifecycle::step(state_, happenings_.front(), rules_, std::chrono::steady_clock::now());
    record_phase(stepped);
    state_ = std::move(stepped.state);
    for (const auto& action : stepped.actions) {
      std::visit([this](const auto& one) { perform(one); }, action);
    }
    happenings_.pop_front();
  }
}

void Supervisor::Impl::record_phase(const lifecycle::Step& stepped) {
  if (stepped.state.phase == state_.phase && stepped.state.awaits_room == state_.awaits_room) {
    return;
  }
  const auto is_start = [](const lifecycle::Action& action) {
    const auto* start = std::get_if<lifecycle::AnnounceStart>(&action);
    return start != nullptr && start->began;
  };
  const bool starts = std::any_of(stepped.actions.begin(), stepped.actions.end(), is_start);
  record_->note([&](Record& record) {
    record.phase = stepped.state.phase;
    record.awaits_room = stepped.state.awaits_room;
    if (starts) record.started_ns = now_ns();
  });
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
  if (status->state == FCVM_VM_NEW) return;
  vmm_pidfd_ = Fd(::fcntl(status->pidfd, F_DUPFD_CLOEXEC, 0));
  if (state_.ending) return;
  // Else its end would be noticed by nobody.
  const auto watched = vmm_watch_->set(status->pidfd, [this] { on_vmm_ended(); });
  if (!vmm_pidfd_ || !watched) {
    return happen(lifecycle::MachineEnded{
        watched ? Error(EMFILE, "too many files are open to watch the VMM") : watched.error()});
  }
  happen(lifecycle::MachineStarted{});
  tell_stage("booting the guest");
  record_->note([&](Record& record) {
    record.image_digest = launch_->image().digest;
    record.image_id = launch_->image().id;
    record.health.command = launch_->health().command;
    record.health.timeout_ms = launch_->health().timeout_ms;
    if (!record.health.command.empty()) record.health.status = kHealthStarting;
    record.vmm_version = text_of(status->vmm_version);
    record.accelerator = text_of(status->accelerator);
    if (auto id = base::identify(status->pid)) record.vmm = *id;
    record.processes = running_processes();
  });
  const auto kept = context_.store.save_image_config(record_->id(), launch_->image().config);
  if (!kept) log::debug("vm", "{}", kept.error().message());
  if (cgroup_.fd() >= 0) limit_cgroup(text_of(status->accelerator) != "kvm");
  // From here on a guest speaks to this process, which has fetched and made whatever took more.
  if (auto confined = base::leave_the_machine_alone(); !confined) {
    log::warning("vm", "the supervisor is not confined: {}", confined.error().message());
  }
}

/// Why is known once the plugin has put the dead to rest, which may take it a moment, or for ever.
void Supervisor::Impl::on_vmm_ended() {
  if (state_.ending) return;
  end_timer_ =
      loop_->after(Launch::kKillLimit + 1s, [this] { tell_end(plan_.vmm + " does not say why"); });
  end_worker_.post([this] {
    launch_->end_machine();
    auto status = launch_->machine().status();
    std::string reason =
        status ? std::string(text_of(status->end_reason)) : status.error().message();
    if (const auto failure = launch_->memory_failure()) reason = *failure;
    on_control([this, reason = std::move(reason)]() mutable { tell_end(std::move(reason)); });
  });
}

void Supervisor::Impl::tell_end(std::string reason) {
  if (state_.ending) return;
  if (cgroup_.fd() >= 0 && ran_out_of_memory(cgroup_.place())) {
    const auto limits = record_->look([](const Record& record) { return record.limits; });
    reason += fmt::format(", since it used all that its limits allow ({})", limits);
  }
  happen(lifecycle::MachineEnded{
      Error(EIO,
            fmt::format("the VM ended before its container did: {}{}", reason,
                        console_tail(context_.store.paths().console_log(record_->id()))),
            console_remedy())});
}

std::string Supervisor::Impl::console_remedy() const {
  return plan_.remove_when_done
             ? "without --rm its whole console is kept"
             : fmt::format("the whole console: fcvm logs --console {}", record_->name());
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
      if (event.stage == "load") tell_stage("loading the image into the guest");
      if (event.stage == "start") tell_stage("");  // what follows is the container's to say
      return;
    case wire::EventKind::kStarted:
      log::debug("guest", "{:.3f} s: the container runs",
                 static_cast<double>(event.uptime_us) / 1e6);
      return happen(lifecycle::ContainerStarted{});
    case wire::EventKind::kExited:
      return happen(lifecycle::ContainerExited{event.code});
    case wire::EventKind::kFailed:
      return happen(lifecycle::GuestFailed{guest_failure(event)});
    default:
      return;
  }
}

void Supervisor::Impl::tell_stage(const char* stage) const {
  if (context_.on_stage && state_.phase == Phase::kStarting) context_.on_stage(stage);
}

Error Supervisor::Impl::late_start() const {
  return Error(ETIMEDOUT,
               fmt::format("the guest did not start its container within {} s{}",
                           static_cast<double>(plan_.start_limit.count()) / 1000,
                           console_tail(context_.store.paths().console_log(record_->id()))),
               console_remedy());
}

void Supervisor::Impl::on_gate_passed(std::size_t index) {
  log::debug("vm", "the gate {} has passed", plan_.readiness.gates.at(index).text);
  record_->note([&](Record& record) { record.gates.at(index).passed = true; });
}

/// As take_guest_event().
void Supervisor::Impl::take_health(const wire::Health& health) {
  guest_events_.acquire();
  on_control([this, health] {
    guest_events_.release();
    on_health(health);
  });
}

/// A guest may change its mind as often as it likes, and each record costs a write to the disk.
void Supervisor::Impl::on_health(const wire::Health& health) {
  const bool rests = health_news_.has_value();
  health_news_ = health;
  if (!rests) settle_health();
}

void Supervisor::Impl::settle_health() {
  const wire::Health news = *health_news_;
  const std::string status = health_word(news.status);
  const auto before = record_->look([](const Record& record) { return record.health.status; });
  if (state_.ending || status.empty() || before.empty()) return health_news_.reset();
  record_->note([&](Record& record) {
    record.health.status = status;
    record.health.failing_streak = news.failing_streak;
    record.health.exit_code = news.exit_code;
    record.health.output = news.output;
  });
  loop_->cancel(health_timer_);
  health_timer_ = loop_->after(kHealthRest, [this, news] {
    const wire::Health last = *std::exchange(health_news_, std::nullopt);
    if (wire::encode(last) != wire::encode(news)) on_health(last);
  });
  if (status == before) return;
  record_->tell("health_status", {{"health_status", status}});
  if (news.status != wire::HealthStatus::kUnhealthy) return;
  log::warning("vm", "VM {} is unhealthy: its check exits with {}", record_->name(),
               news.exit_code);
  if (plan_.health.on_failure == HealthAction::kKill) happen(lifecycle::KillAsked{SIGKILL});
  if (plan_.health.on_failure == HealthAction::kStop) {
    happen(lifecycle::StopAsked{{0, plan_.stop_grace}});
  }
}

/// The log's end is what whoever waited would look at next.
Error Supervisor::Impl::not_ready(const std::string& why) const {
  return Error(ETIMEDOUT,
               fmt::format("VM {} did not become ready, and is ended:{}{}", record_->name(), why,
                           log_tail(context_.store.paths().container_log(record_->id()))),
               plan_.remove_when_done
                   ? "--ready-timeout gives it more time; without --rm its log is kept"
                   : fmt::format("--ready-timeout gives it more time; its whole log: fcvm logs {}",
                                 record_->name()));
}

/// QEMU stops a guest that has met a full disk; Firecracker hands it an error. So it is paused
/// before that, and goes on by itself.
void Supervisor::Impl::on_space(bool is_full) {
  if (!is_full) {
    if (state_.awaits_room) log::warning("vm", "VM {} goes on: there is room", record_->name());
    return happen(lifecycle::DiskHasRoom{});
  }
  const auto where = disks_directory();
  const bool begins = state_.phase == Phase::kCreated || state_.phase == Phase::kStarting;
  const auto name = record_->name();
  const Error why(
      ENOSPC,
      begins ? fmt::format("the host's disk is full, so VM {} is not started", name)
             : fmt::format("the host's disk is full, and VM {} writes to it", name),
      "make room in the file system of " + where + "; fcvm system df shows what fcvm has there");
  const bool waited = state_.awaits_room;
  happen(lifecycle::DiskFull{why});
  if (waited || !state_.awaits_room) return;
  log::warning("vm", "{}: it is paused. Make room in the file system of {}, then it goes on",
               why.message(), where);
}

std::string Supervisor::Impl::disks_directory() const {
  return context_.store.paths().vm(record_->id()).parent_path().string();
}

void Supervisor::Impl::on_detach() {
  record_->note([](Record& record) { record.detached = true; });
  if (context_.on_detached) context_.on_detached(record_->copy());
}

}  // namespace fcvm::vm
