#include "core/vm/supervisor/lifecycle.hpp"

#include <algorithm>
#include <csignal>
#include <utility>

namespace fcvm::vm::lifecycle {
namespace {

using namespace std::chrono_literals;

/// What a guest has beyond the grace to report that its container has ended; then its VM is ended.
constexpr Milliseconds kStopSlack = 5s;
constexpr Milliseconds kLongestSave = 11min;  // more than the machine's own limit
/// What a gate has beyond its deadline to return; then it is deaf.
constexpr Milliseconds kGateSlack = 5s;
/// And when it was told to kill its container.
constexpr Milliseconds kKillLimit = 2s;
/// For the container's last writes to reach a disk that stays, once it has ended by itself.
constexpr Milliseconds kQuiesceLimit = 10s;
/// The same for a guest that did not do as it was told.
constexpr Milliseconds kForcedQuiesceLimit = 2s;
/// What the end takes beside that before the VMM is killed outright.
constexpr Milliseconds kTearDownSlack = 1s;
/// For plugins to undo what they made. One that takes longer hangs.
constexpr Milliseconds kTearDownLimit = 60s;
/// The same when somebody interrupts meanwhile.
constexpr Milliseconds kImpatience = 1s;
/// Between a container's end and its restart: twice as long each time, and from the beginning once
/// it has run for a while.
constexpr Milliseconds kFirstRestartPause = 100ms;
constexpr Milliseconds kLongestRestartPause = 60s;
constexpr Milliseconds kRunsWell = 10s;
/// What a writer into a closed pipe gets.
constexpr Milliseconds kClosedSinkGrace = 1s;

/// podman's codes: it could not make the container, or the runtime could not run its command.
bool is_refusal(int code) { return code >= 125 && code <= 127; }

bool is_interrupt(int signal) { return signal == SIGINT || signal == SIGTERM; }

/// Of Ctrl-\ and of a terminal that is closed: a container may make of them what it likes. Until
/// there is one they mean the same as Ctrl-C.
bool is_for_container(int signal) { return signal == SIGQUIT || signal == SIGHUP; }

class Stepper {
 public:
  Stepper(State state, const Rules& rules, Time now)
      : state_(std::move(state)), rules_(rules), now_(now) {}

  Step take() && { return {std::move(state_), std::move(actions_)}; }

  void operator()(const Begun& begun) {
    if (state_.ending || state_.phase != Phase::kCreated) return;
    state_.phase = begun.restores ? Phase::kRestoring : Phase::kStarting;
    add(Launch{});
  }

  void operator()(const MachineStarted& /*event*/) {
    if (state_.ending) return;
    state_.machine_runs = true;
    // The guest may never report that its container runs.
    if (rules_.lifetime) die_within(rules_.start_limit + *rules_.lifetime);
  }

  void operator()(const Launched& /*event*/) {
    state_.launched = true;
    if (state_.ending) return;
    if (state_.phase == Phase::kRestoring) return start();
    if (state_.phase == Phase::kStarting) add(SetTimer{Timer::kStart, rules_.start_limit});
  }

  void operator()(const LaunchFailed& event) {
    state_.launched = true;
    fail_with(event.error);
  }

  void operator()(const ContainerStarted& /*event*/) {
    if (state_.phase == Phase::kStarting) return start();
    if (state_.ending || !state_.between) return;
    state_.between.reset();
    state_.restart_asked = false;
    state_.started_at = now_;
    ++state_.restarts;
    add(ClearTimer{Timer::kStart});
    add(AnnounceRestart{});
    // Somebody wanted it to end while it was on its way.
    if (state_.stop_wanted) add(AskToStop{{0, rules_.stop_grace}});
  }

  void operator()(const GatesPassed& /*event*/) {
    if (state_.ending || !std::exchange(state_.awaits_gates, false)) return;
    add(ClearTimer{Timer::kReady});
    if (!state_.exit_code) become_ready();
  }

  void operator()(const GateFailed& event) {
    // Of a container that has ended, its end is to be told.
    if (state_.awaits_gates && !state_.exit_code) fail_with(event.error);
  }

  void operator()(const ContainerExited& event) {
    if (state_.exit_code || state_.ending) return;
    // One whose command could not be started has an exit code, too, and its caller waits for it.
    if (is_beginning()) {
      state_.never_began = is_refusal(event.code);
      start();
      // Who started it waits for what is said of it, but not for ever.
      if (state_.never_began) end_within(kStopSlack);
    }
    // No other is possible, and what is not must not look like success.
    const int code = event.code < 0 || event.code > 255 ? 255 : event.code;
    if (starts_again(code)) return;
    exited(code);
  }

  void operator()(const GuestFailed& event) { fail_with(event.error); }

  void operator()(const MachineEnded& event) {
    if (state_.exit_code) return tear_down();  // it had nothing left to do
    fail_with(event.why);
  }

  void operator()(const OutputEnded& /*event*/) {
    state_.output_ended = true;
    finish();
  }

  void operator()(const SinkClosed& /*event*/) {
    state_.sink_closed = true;
    if (is_beginning()) return tear_down();
    stop({SIGTERM, kClosedSinkGrace});
  }

  void operator()(const Signalled& event) {
    if (state_.ending) {
      // Who interrupts again does not want to wait for the guest's last writes either.
      if (!is_interrupt(event.number) || ++state_.interrupts == 1) return;
      add(KillMachine{});
      return give_up_within(kImpatience);
    }
    const bool interrupts = is_interrupt(event.number);
    if (interrupts) ++state_.interrupts;
    if (is_beginning()) {
      if (interrupts || is_for_container(event.number)) end_early(128 + event.number);
    } else if (interrupts && state_.interrupts > 1) {
      end_with(128 + event.number);
    } else if (interrupts) {
      stop({event.number, rules_.stop_grace});
    } else if (is_up()) {
      signal_container(event.number);
    }
  }

  void operator()(const HungUp& /*event*/) {
    if (state_.ending || state_.sink_closed) return;  // it has said so before, and is obeyed
    if (is_beginning()) return (*this)(Signalled{SIGTERM});
    stop({rules_.tty ? SIGHUP : SIGTERM, rules_.stop_grace});
  }

  void operator()(const StopAsked& event) {
    if (state_.ending) return;
    if (is_beginning()) return (*this)(Signalled{SIGTERM});
    stop(event.stop);
  }

  void operator()(const KillAsked& event) {
    if (state_.ending) return;
    // Its container has ended, its output has not.
    if (state_.phase == Phase::kStopping && event.signal == SIGKILL) return end_within(kKillLimit);
    if (event.signal == SIGKILL) state_.stop_wanted = true;
    if (event.signal == SIGKILL && waits_for_restart()) return give_restart_up();
    if (is_up()) signal_container(event.signal);
  }

  void operator()(const EndAsked& /*event*/) {
    add(KillMachine{});
    if (is_beginning() && !state_.ending) return end_early(128 + SIGKILL);
    end_by_force(0ms);
  }

  void operator()(const StopRefused& /*event*/) { end_by_force(kForcedQuiesceLimit); }

  void operator()(const RestartAsked& event) {
    if (state_.ending || state_.phase != Phase::kRunning || state_.stop_wanted) return;
    if (state_.restart_asked) return;  // the one under way answers this, too
    state_.restart_asked = true;
    state_.restart_pause = {};
    if (waits_for_restart()) return restart_now();
    const auto grace = event.stop.grace + kStopSlack;
    add(SetTimer{Timer::kStart, grace + rules_.start_limit});
    add(RestartContainer{event.stop});
  }

  void operator()(const RestartRefused& event) {
    if (state_.ending || !state_.restart_asked) return;
    state_.restart_asked = false;
    // It had ended by itself before.
    if (state_.between) return exited(*state_.between);
    fail_with(event.why);
  }

  void operator()(const PauseAsked& /*event*/) {
    if (!state_.ending && state_.phase == Phase::kRunning) add(Pause{});
  }

  void operator()(const Paused& event) {
    if (state_.ending) return;
    if (!event.done) {
      state_.awaits_room = false;  // tried again, if need be, when the disk is looked at again
      return;
    }
    // The container ended meanwhile, and what it wrote is still in the guest.
    if (state_.phase == Phase::kStopping) return add(Resume{});
    if (state_.phase != Phase::kRunning) return;
    state_.phase = Phase::kPaused;
    add(Report{"pause"});
    if (state_.awaits_room && !state_.disk_is_full) add(Resume{});  // there was room meanwhile
  }

  void operator()(const ResumeAsked& /*event*/) {
    if (!state_.ending && state_.phase == Phase::kPaused && !state_.disk_is_full) add(Resume{});
  }

  void operator()(const Resumed& event) {
    if (state_.ending) return;
    state_.awaits_room = false;
    if (event.done && state_.phase == Phase::kPaused) {
      state_.phase = Phase::kRunning;
      add(Report{"unpause"});
    }
    const auto wanted = std::exchange(state_.stop_when_resumed, std::nullopt);
    // One that cannot be resumed is ended by kEnd, which is set.
    if (wanted && state_.phase != Phase::kPaused) stop(*wanted);
  }

  /// Comes again and again as long as it is so.
  void operator()(const DiskFull& event) {
    if (state_.ending) return;
    const bool is_news = !std::exchange(state_.disk_is_full, true);
    if (is_beginning()) return fail_with(event.why);
    if (is_news) add(Report{"disk-full", {{"error", event.why.message()}}});
    // One that is being stopped must run for that.
    if (state_.phase != Phase::kRunning || state_.awaits_room || state_.ends_at) return;
    state_.awaits_room = true;
    add(Pause{});
  }

  void operator()(const DiskHasRoom& /*event*/) {
    state_.disk_is_full = false;
    if (state_.ending || !state_.awaits_room) return;
    if (state_.phase == Phase::kPaused) add(Resume{});
  }

  void operator()(const SaveAsked& /*event*/) {
    if (state_.ending || (state_.phase != Phase::kRunning && state_.phase != Phase::kPaused))
      return;
    state_.before_saving = std::exchange(state_.phase, Phase::kSaving);
    add(Save{});
  }

  void operator()(const Saved& event) {
    if (state_.ending || state_.phase != Phase::kSaving) return;
    state_.phase = *std::exchange(state_.before_saving, std::nullopt);
    if (event.stands_still && state_.phase == Phase::kRunning) {
      state_.phase = Phase::kPaused;
      add(Report{"pause"});
    }
    if (const auto wanted = std::exchange(state_.stop_when_resumed, std::nullopt)) stop(*wanted);
  }

  void operator()(const TimeUp& event) {
    if (event.timer == Timer::kDeath) add(KillMachine{});
    if (event.timer == Timer::kGiveUp && state_.ending) add(GiveUp{});
    if (state_.ending) return;
    switch (event.timer) {
      case Timer::kStart:
        if (state_.phase == Phase::kStarting || state_.restart_asked)
          fail_with(event.why ? *event.why
                              : Error(ETIMEDOUT, "the container did not start in time"));
        return;
      case Timer::kRestart:
        return restart_now();
      case Timer::kReady:
        return (*this)(GateFailed{
            event.why ? *event.why : Error(ETIMEDOUT, "the container was not ready in time")});
      case Timer::kLifetime:
        is_beginning() ? end_by_force(0ms) : stop({SIGKILL, 0ms});
        return add(Blame{Blame::Why::kLifetime});
      case Timer::kEnd:
        end_by_force(kForcedQuiesceLimit);
        add(Report{"kill", {{"reason", "the guest did not end its container in time"}}});
        return add(Blame{Blame::Why::kGuest});
      case Timer::kDeath:
      case Timer::kGiveUp:
        return;
    }
  }

 private:
  template <typename A>
  void add(A action) {
    actions_.emplace_back(std::move(action));
  }

  /// There is nothing to be gentle with yet.
  [[nodiscard]] bool is_beginning() const {
    return state_.phase == Phase::kCreated || state_.phase == Phase::kStarting ||
           state_.phase == Phase::kRestoring;
  }
  [[nodiscard]] bool is_up() const {
    return state_.phase == Phase::kRunning || state_.phase == Phase::kPaused ||
           state_.phase == Phase::kSaving;
  }

  void start() {
    if (state_.ending) return;
    add(ClearTimer{Timer::kStart});
    if (rules_.lifetime) die_within(*rules_.lifetime);
    state_.phase = Phase::kRunning;
    state_.started_at = now_;
    add(AnnounceStart{!state_.never_began});
    if (state_.never_began) return;
    if (!rules_.ready_limit) return become_ready();
    state_.awaits_gates = true;
    add(SetTimer{Timer::kReady, *rules_.ready_limit + kGateSlack});
    add(AwaitGates{});
  }

  void become_ready() {
    state_.is_ready = true;
    add(AnnounceReady{});
  }

  void exited(int code) {
    state_.between.reset();
    state_.exit_code = code;
    state_.phase = Phase::kStopping;
    if (is_held()) add(ReleaseContainer{});
    finish();
  }

  /// The guest keeps its output open until it is told that there is no restart.
  [[nodiscard]] bool is_held() const { return rules_.restart.when != RestartPolicy::When::kNever; }

  /// Whether one that has ended with `code` does: then this sees to it.
  bool starts_again(int code) {
    // Told to start once more, it has not: its start failed.
    if (state_.between) return false;
    if (state_.restart_asked && !state_.never_began) {
      state_.between = code;  // the guest starts it, or says that it does not
      return true;
    }
    if (state_.never_began || state_.stop_wanted ||
        !rules_.restart.wants_another(code, state_.restarts)) {
      return false;
    }
    state_.between = code;
    const bool ran_well = state_.started_at && now_ - *state_.started_at >= kRunsWell;
    state_.restart_pause = ran_well || state_.restart_pause == 0ms
                               ? kFirstRestartPause
                               : std::min(2 * state_.restart_pause, kLongestRestartPause);
    add(SetTimer{Timer::kRestart, state_.restart_pause});
    add(Report{"died", {{"exitCode", std::to_string(code)}}});
    return true;
  }

  /// Its pause before a restart has not passed.
  [[nodiscard]] bool waits_for_restart() const { return state_.between && !state_.restart_asked; }

  void restart_now() {
    if (!state_.between) return;
    state_.restart_asked = true;
    add(ClearTimer{Timer::kRestart});
    add(SetTimer{Timer::kStart, rules_.start_limit});
    add(RestartContainer{});
  }

  void give_restart_up() {
    add(ClearTimer{Timer::kRestart});
    exited(*state_.between);
  }

  /// The earliest of the limits that were set counts.
  void end_within(Milliseconds limit) {
    if (set_earlier(state_.ends_at, limit)) add(SetTimer{Timer::kEnd, limit});
  }
  /// Likewise, so a guest that reports late that its container runs gains little.
  void die_within(Milliseconds limit) {
    if (set_earlier(state_.dies_at, limit)) add(SetTimer{Timer::kLifetime, limit});
  }
  void give_up_within(Milliseconds limit) {
    if (set_earlier(state_.gives_up_at, limit)) add(SetTimer{Timer::kGiveUp, limit});
  }
  bool set_earlier(std::optional<Time>& at, Milliseconds limit) const {
    if (at && *at <= now_ + limit) return false;
    at = now_ + limit;
    return true;
  }

  void stop(const Stop& wanted) {
    if (state_.ending) return;
    const bool kills = wanted.signal == SIGKILL;
    // What is being written is whole first, and then the container has its whole time.
    const bool waits = state_.phase == Phase::kSaving && !kills;
    end_within((waits ? kLongestSave : 0ms) + (kills ? kKillLimit : wanted.grace + kStopSlack));
    if (state_.exit_code) return;  // its output has not ended
    state_.stop_wanted = true;
    if (waits_for_restart()) return give_restart_up();
    // On its way: it is stopped once it is there.
    if (state_.between) return;
    if (state_.phase == Phase::kPaused || state_.phase == Phase::kSaving) {
      state_.stop_when_resumed = wanted;
      if (state_.phase == Phase::kPaused) add(Resume{});
      return;
    }
    add(AskToStop{wanted});
    add(Report{wanted.signal == SIGKILL ? "kill" : "stop"});
  }

  void signal_container(int signal) {
    if (signal == SIGKILL) end_within(kKillLimit);
    add(SignalContainer{signal});
    add(Report{"kill", {{"signal", std::to_string(signal)}}});
  }

  void fail_with(const Error& error) {
    if (!state_.error && !state_.exit_code && !state_.ending) state_.error = error;
    tear_down();
  }

  void end_with(int code) {
    if (!state_.exit_code) state_.exit_code = code;
    tear_down();
  }

  void end_early(int code) {
    state_.ended_early = true;
    add(Blame{Blame::Why::kEndedEarly});
    end_with(code);
  }

  /// What a container that was killed has for an exit code, unless its own came before.
  void end_by_force(Milliseconds quiesce) {
    if (state_.ending) return;
    state_.quiesce = quiesce;
    end_with(128 + SIGKILL);
  }

  /// The container has ended; once its last byte is out, so may the VM.
  void finish() {
    if (state_.exit_code && (state_.output_ended || state_.sink_closed)) tear_down();
  }

  void tear_down() {
    if (std::exchange(state_.ending, true)) return;
    if (!state_.launched) add(CancelLaunch{});
    if (std::exchange(state_.awaits_gates, false)) add(CancelGates{});
    for (const Timer timer :
         {Timer::kStart, Timer::kReady, Timer::kRestart, Timer::kLifetime, Timer::kEnd}) {
      add(ClearTimer{timer});
    }
    const bool stands_still = state_.phase == Phase::kPaused || state_.phase == Phase::kSaving;
    const bool writes_back = state_.exit_code && rules_.keeps_disk && !stands_still &&
                             (state_.output_ended || state_.quiesce);
    const auto quiesce = writes_back ? state_.quiesce.value_or(kQuiesceLimit) : 0ms;
    add(SetTimer{Timer::kDeath, quiesce + kTearDownSlack});
    give_up_within(quiesce + kTearDownLimit);
    add(TearDown{quiesce});
  }

  State state_;
  const Rules& rules_;
  Time now_;
  std::vector<Action> actions_;
};

}  // namespace

int State::outcome() const {
  if (error) return 125;
  return sink_closed ? 128 + SIGPIPE : exit_code.value_or(125);
}

Step step(State state, const Event& event, const Rules& rules, Time now) {
  Stepper stepper(std::move(state), rules, now);
  std::visit(stepper, event);
  return std::move(stepper).take();
}

}  // namespace fcvm::vm::lifecycle
