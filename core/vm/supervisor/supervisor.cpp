// Beginning and end of a supervised VM.
#include "core/vm/supervisor/supervisor.hpp"

#include <filesystem>
#include <optional>
#include <system_error>
#include <vector>

#include "core/base/io/file.hpp"
#include "core/vm/logs/log_tail.hpp"
#include "core/vm/store/new_record.hpp"
#include "core/vm/supervisor/supervisor_impl.hpp"

namespace fcvm::vm {
namespace {

/// Nobody holds it alone for long.
constexpr auto kSnapshotLockLimit = 5s;
/// For an agent that runs already; an emulated one of many on a busy host takes its time.
constexpr auto kReviveLimit = 60s;

/// podman ends with a line of its own that has all that its runtime said before it.
std::string told_once(const std::string& text) {
  const auto last = text.rfind("\nError: ");
  return last == std::string::npos ? text : text.substr(last + 1);
}

}  // namespace

Supervisor::Supervisor(SupervisorContext context, RunPlan plan)
    : impl_(std::make_unique<Impl>(std::move(context), std::move(plan))) {}
Supervisor::~Supervisor() = default;
Result<int> Supervisor::run() { return impl_->run(); }

lifecycle::Rules Supervisor::Impl::rules_of(const RunPlan& plan) {
  return {.stop_grace = plan.stop_grace,
          .lifetime = plan.lifetime,
          .start_limit = plan.start_limit,
          .ready_limit =
              plan.readiness.gates.empty() ? std::nullopt : std::optional(plan.readiness.limit),
          .keeps_disk = !plan.remove_when_done,
          .restart = plan.restart,
          .tty = plan.container.tty};
}

Result<int> Supervisor::Impl::run() {
  plugin::this_is_the_control_thread();
  auto loop = base::Loop::create();
  if (!loop) return tell_attached(unexpected(std::move(loop).error()));
  loop_ = *std::move(loop);
  if (context_.attached) FCVM_TRY(streams_.add_own(std::move(context_.attached)));
  if (auto begun = begin(); !begun) {
    if (!record_) return tell_attached(unexpected(std::move(begun).error()));
    state_.error = std::move(begun).error();
    return conclude();
  }
  make_cgroup();
  happen(lifecycle::Begun{.restores = plan_.restore.has_value()});
  if (auto ran = loop_->run(); !ran) log::warning("vm", "{}", ran.error().message());
  if (leaver_.joinable()) leaver_.join();
  return conclude();
}

/// Of a VM that is new, or was there before.
Result<Record> Supervisor::Impl::first_record() {
  if (context_.again.empty()) {
    return context_.store.create(FCVM_TRY(new_record(plan_, context_.registry)));
  }
  Record record = FCVM_TRY(context_.store.take_over(context_.again));
  record.detached = plan_.detached;
  FCVM_TRY(context_.store.save(record));
  return record;
}

Result<void> Supervisor::Impl::begin() {
  if (plan_.restore) {
    snapshot_lock_.emplace(
        FCVM_TRY(base::FileLock::acquire((plan_.restore->directory / kSnapshotLock).string(),
                                         base::Deadline::in(kSnapshotLockLimit),
                                         base::FileLock::Mode::kShared) |
                 context("using snapshot " + plan_.restore->id)));
  }
  Record made = FCVM_TRY(first_record());
  record_.emplace(context_.store, made);
  supervised_.emplace(FCVM_TRY(context_.store.supervise(record_->id())));
  recorded_.emplace(*record_);
  guest_service_.emplace(context_.store, record_->id(), plan_.log.name == LogDriver::kFile);
  if (plan_.hostname.empty()) plan_.hostname = record_->name();
  if (plan_.container.name.empty()) plan_.container.name = record_->name();
  FCVM_TRY(context_.store.save_plan(record_->id(), plan_));
  if (context_.again.empty()) record_->tell("create");
  if (plan_.cid_file) {
    FCVM_TRY(base::write_file_atomic(plan_.cid_file->string(), record_->id()));
  }
  server_ = FCVM_TRY(
      ControlServer::listen(*loop_, context_.store.paths().sockets(record_->id()),
                            [this](const ask::Request& request, ControlServer::Asker asker) {
                              on_request(request, std::move(asker));
                            }));
  signals_ =
      FCVM_TRY(base::Signals::watch(*loop_, {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2},
                                    [this](int number) { happen(lifecycle::Signalled{number}); }));
  launch_ = std::make_unique<Launch>(context_, plan_, record_->id(),
                                     plugin::Services{.process = &processes_,
                                                      .guest = &*guest_service_,
                                                      .state = &*recorded_,
                                                      .progress = context_.progress,
                                                      .builder = context_.builder},
                                     processes_);
  networking_.emplace(*loop_, *record_, *launch_, plan_.network);
  vmm_watch_.emplace(*loop_);
  space_watch_.emplace(*loop_, context_.store.paths().vm(record_->id()),
                       [this](bool is_full) { on_space(is_full); });
  control_ = std::make_unique<GuestControl>(
      [this](std::uint32_t port, base::Deadline deadline) { return dial(port, deadline); },
      [this](const wire::Event& event) { take_guest_event(event); },
      [this](const wire::Health& health) { take_health(health); },
      plan_.restore ? wire::kFrozenEvent : 0);
  return streams_.start(
      *loop_, plan_, *record_,
      [this](std::uint32_t port, base::Deadline deadline) { return dial(port, deadline); });
}

/// A VM works without one as well.
void Supervisor::Impl::make_cgroup() {
  const auto place = cgroup_place(record_->id(), plan_.detached);
  const auto without = [this](const Error& why) {
    log::debug("vm", "{}", why.message());
    record_->note([&](Record& record) {
      record.cgroup.clear();
      record.limits_missing = why.message();
    });
  };
  if (!place) return without(place.error());
  // Its place is on record before it is made.
  record_->note([&](Record& record) { record.cgroup = *place; });
  auto made = Cgroup::make(*place);
  if (!made) return without(made.error());
  cgroup_ = *std::move(made);
  processes_.set_cgroup(cgroup_.fd());
  limit_cgroup(true);
}

/// An emulated guest takes more of the VMM than one with KVM; which it is shows after the start.
void Supervisor::Impl::limit_cgroup(bool emulated) {
  const auto applied = apply_limits(
      cgroup_.place(), CgroupLimits::of_guest(plan_.memory_bytes, plan_.cpus, emulated));
  record_->note([&](Record& record) {
    record.limits = applied.set;
    record.limits_missing = applied.missing;
  });
}

/// On the worker.
void Supervisor::Impl::launch() {
  auto launched = [&]() -> Result<void> {
    FCVM_TRY(launch_->prepare());
    on_control([this] {
      if (!state_.ending) networking_->made();
    });
    FCVM_TRY(launch_->start());
    on_control([this] { watch_vmm(); });
    return plan_.restore ? revive() : boot();
  }();
  launch_->settle();
  on_control([this, launched = std::move(launched)] {
    if (launched) return happen(lifecycle::Launched{});
    happen(lifecycle::LaunchFailed{launched.error()});
  });
}

/// On the worker: the VMM runs, and its guest is told what to become.
Result<void> Supervisor::Impl::boot() {
  agent_ = FCVM_TRY(control_->connect(base::Deadline::in(plan_.boot_limit)) |
                    context("waiting for the guest to boot"));
  FCVM_TRY(serve_maps());
  FCVM_TRY(control_->request(wire::Boot{0, launch_->boot_plan(agent_)},
                             base::Deadline::in(kRequestLimit)) |
           context("telling the guest what to run"));
  streams_.guest_is_up();
  return {};
}

/// On the worker, which lives as long as they do.
Result<void> Supervisor::Impl::serve_maps() {
  for (std::uint32_t number = 0; number < plan_.maps.size(); ++number) {
    maps_.push_back(FCVM_TRY(MapServer::start(
        context_.fusepipe, plan_.maps[number], number,
        [this](std::uint32_t port, base::Deadline deadline) { return dial(port, deadline); })));
  }
  return {};
}

/// On the worker: the guest runs, and its container does not before all is new in it that has to
/// be.
Result<void> Supervisor::Impl::revive() {
  agent_ = FCVM_TRY(control_->connect(base::Deadline::in(kReviveLimit)) |
                    context("waiting for the restored guest's agent"));
  FCVM_TRY(control_->request(launch_->clone_news(), base::Deadline::in(kReviveLimit)) |
           context("making the clone one of its own"));
  streams_.guest_is_up();
  return {};
}

Result<Fd> Supervisor::Impl::dial(std::uint32_t port, base::Deadline deadline) {
  if (launch_->cancelled()) return fail(ECANCELED, "canceled");
  return launch_->machine().connect(port, deadline);
}

/// All that plugins started has ended by now; if not, it does here.
void Supervisor::Impl::remove_own_cgroup() {
  processes_.set_cgroup(-1);
  if (auto removed = remove_cgroup(cgroup_.place()); !removed) {
    log::warning("vm", "{}", removed.error().message());
  }
}

std::string Supervisor::Impl::why_it_never_began() const {
  if (!state_.ended_early) {
    return told_once(last_words(context_.store.paths().container_log(record_->id())));
  }
  return fmt::format("VM {} is ended: {}", record_->name(),
                     record_->look([](const Record& record) { return record.error; }));
}

std::string Supervisor::Impl::why_it_was_never_ready() const {
  return fmt::format("VM {} ended with exit code {} before it was ready:\n    {}{}",
                     record_->name(), state_.outcome(), gates_ ? gates_->missing() : "",
                     log_tail(context_.store.paths().container_log(record_->id())));
}

/// Of an end that is no failure of fcvm's, and not what the caller waits for.
void Supervisor::Impl::tell_caller() const {
  if (state_.error) return;
  if (state_.never_began || state_.ended_early) {
    if (context_.on_never_began) context_.on_never_began(state_.outcome(), why_it_never_began());
  } else if (!state_.is_ready && context_.on_never_ready) {
    context_.on_never_ready(why_it_was_never_ready());
  }
}

/// To its record, to those who wait, and to the log of events.
void Supervisor::Impl::record_end() {
  const int code = state_.outcome();
  std::error_code ignored;
  remove_own_cgroup();
  record_->note([&](Record& record) {
    record.phase = Phase::kExited;
    record.cgroup.clear();
    record.finished_ns = now_ns();
    record.exit_code = code;
    record.vmm = {};
    record.processes.clear();
    if (state_.error) {
      record.error = state_.error->message();
      record.error_remedy = state_.error->remedy();
    }
  });
  tell_caller();
  record_->tell("die", {{"exitCode", std::to_string(code)}});
  for (const auto& reply : waiting_) reply(ask::Exit{code});
  for (const auto& reply : restarting_) {
    reply(fail(ESRCH, fmt::format("VM {} ended before its container ran again", record_->name()),
               "fcvm start " + record_->name()));
  }
  server_.reset();
  // What a plugin still has to undo is known from the record alone, which gc removes afterwards.
  const bool undone =
      record_->look([](const Record& record) { return record.plugin_state.empty(); });
  // Without an image, a network or a VMM there never was a VM, nor is there with podman.
  const bool keep = !plan_.remove_when_done && (state_.machine_runs || !context_.again.empty());
  if (!state_.machine_runs && plan_.cid_file) std::filesystem::remove(*plan_.cid_file, ignored);
  if (!keep && undone) {
    if (auto removed = context_.store.remove(record_->id()); !removed) {
      log::warning("vm", "{}", removed.error().message());
    }
    record_->tell("remove");
  }
}

Result<int> Supervisor::Impl::conclude() {
  record_end();
  return tell_attached(state_.error ? Result<int>(unexpected(*state_.error)) : state_.outcome());
}

/// How it ended, to whoever is attached still.
Result<int> Supervisor::Impl::tell_attached(Result<int> outcome) {
  streams_.end(outcome);
  return outcome;
}

}  // namespace fcvm::vm
