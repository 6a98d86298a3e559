// See life.hpp.
#include "agent/boot/life.hpp"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <unistd.h>
#include <utility>

#include "agent/container/exec_target.hpp"
#include "agent/process/command.hpp"
#include "core/base/io/file.hpp"

namespace fcvm::agent {
namespace {

using std::chrono::milliseconds;

// How long the last bytes and events may take to reach the host.
constexpr milliseconds kFarewell{3000};

std::uint64_t count_oom_kills() {
  const std::string text = base::read_file("/proc/vmstat").value_or("");
  const auto at = text.find("\noom_kill ");
  return at == std::string::npos ? 0 : std::strtoull(text.c_str() + at + 10, nullptr, 10);
}

wire::Event event_of(wire::EventKind kind, const std::string& stage) {
  wire::Event event;
  event.kind = kind;
  event.stage = stage;
  return event;
}

}  // namespace

Life::Life(Loop& loop, System& system, EventLog& events, OutputService& output, Maps& maps)
    : loop_(loop), system_(system), events_(events), output_(output), maps_(maps) {
  events_.add(event_of(wire::EventKind::kReady, "ready"));
}

Result<void> Life::boot(wire::BootPlan plan) {
  if (plan_) return fail(EALREADY, "booting: the guest has its plan already");
  plan_ = std::move(plan);
  // podman hands proxies on to the container.
  extend_guest_environment(plan_->environment);
  loop_.soon([this] { prepare(0); });
  return {};
}

// One stage per turn of the loop, so that the events of each reach the host in time.
void Life::prepare(std::size_t stage) {
  const auto stages = system_.stages();
  if (stage == stages.size()) return mount_maps();
  events_.progress(stages[stage].name);
  const auto done = stages[stage].run(*plan_);
  if (!done) return fail_stage(stages[stage].name, done.error());
  loop_.soon([this, stage] { prepare(stage + 1); });
}

void Life::mount_maps() {
  if (plan_->maps.empty()) return load_image();
  events_.progress("maps");
  maps_.mount(plan_->maps, [this](const Result<void>& mounted) {
    if (!mounted) return fail_stage("maps", mounted.error());
    load_image();
  });
}

void Life::load_image() {
  const auto command = system_.load_command(*plan_);
  if (!command) return fail_stage("load", command.error());
  if (command->empty()) return start_container();
  events_.progress("load");
  const auto started = run_command(loop_, *command, [this](int code, const std::string& output) {
    if (code == 0) return start_container();
    fail_stage("load",
               Error(EIO, "loading the image ended with " + std::to_string(code) + ": " + output));
  });
  if (!started) fail_stage("load", started.error());
}

void Life::start_container() {
  const auto& spec = plan_->container;
  if (spec.image.empty()) return events_.progress("idle");
  events_.progress("start");
  oom_kills_ = count_oom_kills();
  started_at_ = std::time(nullptr);
  if (spec.held) output_.hold();
  container_ = std::make_unique<Container>(
      loop_, Container::Callbacks{[this](Process& process) { take_streams(process); },
                                  [this](const Error& why) { fail_stage("start", why); },
                                  [this](pid_t pid) { on_started(pid); },
                                  [this](ChildEnd end) { on_container_end(end); }});
  auto prepared = system_.prepare_start(*plan_);
  if (!prepared) return start_by_podman(prepared.error());
  const auto refused = [this](const Error& why) {
    loop_.soon([this, why] { start_by_podman(why); });
  };
  const auto started = container_->start(*std::move(prepared), stream_options(), refused);
  if (!started) start_by_podman(started.error());
}

ProcessOptions Life::stream_options() const {
  const auto& spec = plan_->container;
  ProcessOptions options;
  options.environment = guest_environment();
  options.tty = spec.tty;
  options.rows = spec.rows;
  options.columns = spec.columns;
  options.stdin_open = spec.interactive;
  return options;
}

void Life::start_by_podman(const Error& why) {
  // So that a start that takes its time can be told from one that need not.
  events_.progress("start by podman: " + why.message());
  ProcessOptions options = stream_options();
  options.command = system_.run_command(*plan_);
  const auto started = container_->start(options, system_.pid_file());
  if (!started) fail_stage("start", started.error());
}

void Life::take_streams(Process& process) {
  output_.take_streams(std::move(process.stdin_fd), std::move(process.stdout_fd),
                       std::move(process.stderr_fd), plan_->container.tty);
  // With its streams here, their end counts.
  if (!plan_->container.held) output_.release();
}

void Life::on_started(pid_t pid) {
  auto event = event_of(wire::EventKind::kStarted, "started");
  event.pid = static_cast<std::uint32_t>(pid);
  events_.add(std::move(event));
  if (pid <= 0 || plan_->health.command.empty()) return;
  health_.emplace(
      loop_, plan_->health, [this](const wire::ExecRequest& request) { return resolve(request); },
      [this](wire::Health health) { events_.set_health(std::move(health)); });
}

void Life::on_container_end(ChildEnd end) {
  health_.reset();
  output_.container_ended();
  if (container_->was_seen() || !ask_whether_it_began(end)) report_end(end);
}

/// Its exit code does not tell: 127 may be podman's own, or that of a shell in the container.
Result<void> Life::ask_whether_it_began(ChildEnd end) {
  const auto command = system_.began_command(*plan_);
  if (command.empty()) return fail(ENOSYS, "nobody knows");
  return run_command(loop_, command, [this, end](int code, const std::string& output) {
    // podman remembers the start before this one, too.
    if (code == 0 && std::atoll(output.c_str()) >= std::max<std::time_t>(started_at_, 1)) {
      on_started(0);
    }
    report_end(end);
  });
}

void Life::report_end(ChildEnd end) {
  auto event = event_of(wire::EventKind::kExited, "exited");
  event.code = end.code;
  event.signal = end.signal != 0 ? end.signal : (end.code > 128 ? end.code - 128 : 0);
  event.oom = end.code == 128 + SIGKILL && count_oom_kills() > oom_kills_;
  event.text = std::to_string(end.code);
  events_.add(std::move(event));
  if (powering_off_) return end_guest();
  if (std::exchange(starts_again_, false)) start_again();
}

/// Not now: what has ended may have called.
void Life::start_again() {
  plan_->container.again = true;
  loop_.soon([this] { start_container(); });
}

Result<void> Life::restart_container(int signal, std::uint32_t grace_ms) {
  if (!container_) return fail(ESRCH, "restarting the container: there is none yet");
  if (container_->ended()) {
    if (!plan_->container.held) return fail(ESRCH, "restarting the container: it has ended");
    start_again();
    return {};
  }
  const int number = signal == 0 ? system_.stop_signal(container_->pid()) : signal;
  FCVM_TRY(container_->stop(number, milliseconds(grace_ms)));
  starts_again_ = true;
  output_.hold();
  return {};
}

Result<void> Life::release_container() {
  if (plan_) plan_->container.held = false;
  output_.release();
  return {};
}

Result<void> Life::signal_container(int signal) {
  if (!container_) return fail(ESRCH, "signalling the container: there is none yet");
  return container_->signal(signal);
}

Result<void> Life::stop_container(int signal, std::uint32_t grace_ms) {
  if (!container_) return fail(ESRCH, "stopping the container: there is none yet");
  const int number = signal == 0 ? system_.stop_signal(container_->pid()) : signal;
  return container_->stop(number, milliseconds(grace_ms));
}

Result<void> Life::quiesce() {
  system_.sync();
  return {};
}

Result<void> Life::freeze() {
  FCVM_TRY(system_.freeze());
  output_.mark();
  events_.mark();
  return {};
}

/// A container whose clone could not be renewed stands still for good: its host ends it.
Result<void> Life::resumed(const wire::Resumed& news) {
  FCVM_TRY(system_.resumed(news, container_ ? container_->pid() : -1));
  return system_.thaw();
}

Result<void> Life::power_off(std::uint32_t grace_ms) {
  if (powering_off_) return {};
  powering_off_ = true;
  if (container_ && !container_->ended() && container_->stop(SIGTERM, milliseconds(grace_ms))) {
    return {};  // on_container_end() goes on
  }
  end_guest();
  return {};
}

void Life::fail_stage(const std::string& stage, const Error& why) {
  auto event = event_of(wire::EventKind::kFailed, stage);
  event.text = why.message();
  event.code = why.code();
  events_.add(std::move(event));
  // The host hears of it through the control stream; the console has it too.
  loop_.after(kFarewell, [this] { system_.power_off(); });
}

void Life::end_guest() {
  powering_off_ = true;
  output_.when_delivered(kFarewell, [this] {
    events_.add(event_of(wire::EventKind::kPoweringOff, "poweroff"));
    loop_.after(milliseconds(20), [this] { system_.power_off(); });
  });
}

Result<ExecPlan> Life::resolve(const wire::ExecRequest& request) {
  const pid_t pid = container_ ? container_->pid() : -1;
  if (pid != exec_container_.pid) exec_container_ = {};
  const bool joins = pid > 0 && request.place == wire::ExecPlace::kContainer;
  if (joins && !exec_container_.config) {
    exec_container_ = {pid, system_.container_config(pid)};
  }
  return plan_exec(request, exec_container_, plan_ ? &plan_->container : nullptr);
}

}  // namespace fcvm::agent
