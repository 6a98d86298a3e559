// Beginning and end of a supervised VM.
#include "core/vm/supervisor/supervisor.hpp"

#include <filesystem>
#include <optional>
#include <system_error>
#include <vector>

#include "core/base/io/file.hpp"
#include "core/vm/logs/log_tail.hpp"
#include "core/vm/supervisor/supervisor_impl.hpp"

namespace fcvm::vm {
namespace {

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
  happen(lifecycle::Begun{});
  if (auto ran = loop_->run(); !ran) log::warning("vm", "{}", ran.error().message());
  if (leaver_.joinable()) leaver_.join();
  return conclude();
}

Result<void> Supervisor::Impl::begin() {
  Record first;
  first.name = plan_.name;
  first.image = plan_.image;
  first.command = plan_.container.command;
  first.labels = plan_.labels;
  first.cpus = plan_.cpus;
  first.memory_bytes = plan_.memory_bytes;
  first.remove_when_done = plan_.remove_when_done;
  first.detached = plan_.detached;
  first.log_driver = plan_.log.name;
  if (plan_.log.name == LogDriver::kFile) {
    first.log_max_bytes = plan_.log.limits.max_size;
    first.log_max_files = plan_.log.limits.max_files;
  }
  first.disk_bytes = plan_.disk_bytes;
  first.disk_rates = plan_.disk_rates;
  first.pids_limit = plan_.pids_limit;
  if (plan_.lifetime) first.lifetime_ms = plan_.lifetime->count();
  first.stop_grace_ms = plan_.stop_grace.count();
  first.created_ns = now_ns();
  first.vmm_plugin = plan_.vmm;
  first.image_plugin = plan_.image_plugin;
  first.network = plan_.network.name();
  std::vector<std::string> plugins{plan_.vmm, plan_.image_plugin, plan_.network.plugin};
  for (const auto& gate : plan_.readiness.gates) {
    first.gates.push_back({gate.text, false});
    plugins.push_back(gate.plugin);
  }
  for (const auto& id : plugins) {
    if (id.empty()) continue;
    const plugin::Entry* entry = FCVM_TRY(context_.registry.find(id));
    first.plugin_versions[id] = entry->descriptor.version;
  }
  Record made = FCVM_TRY(context_.store.create(std::move(first)));
  record_.emplace(context_.store, made);
  supervised_.emplace(FCVM_TRY(context_.store.supervise(record_->id())));
  recorded_.emplace(*record_);
  guest_service_.emplace(context_.store, record_->id(), plan_.log.name == LogDriver::kFile);
  if (plan_.hostname.empty()) plan_.hostname = record_->name();
  plan_.container.name = record_->name();
  record_->tell("create");
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
      [this](const wire::Health& health) { take_health(health); });
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
    return boot();
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
  FCVM_TRY(control_->request(wire::Boot{0, launch_->boot_plan(agent_)},
                             base::Deadline::in(kRequestLimit)) |
           context("telling the guest what to run"));
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
  server_.reset();
  // What a plugin still has to undo is known from the record alone, which gc removes afterwards.
  const bool undone =
      record_->look([](const Record& record) { return record.plugin_state.empty(); });
  // Without an image, a network or a VMM there never was a VM, nor is there with podman.
  const bool keep = !plan_.remove_when_done && state_.machine_runs;
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
