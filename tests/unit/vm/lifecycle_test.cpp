// Every event in every phase, and the promises that hold whatever happens in whatever order.
#include "core/vm/supervisor/lifecycle.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <random>
#include <string>

#include "tests/support/catch.hpp"

namespace fcvm::vm::lifecycle {
namespace {

using namespace std::chrono_literals;

const Rules kRules{.stop_grace = 10s, .start_limit = 30min};
const Error kError(EIO, "it failed");

/// A VM that is in a phase in the ordinary way.
State in(Phase phase) {
  State state;
  state.phase = phase;
  if (phase == Phase::kCreated) return state;
  state.machine_runs = state.launched = phase != Phase::kStarting && phase != Phase::kRestoring;
  if (phase == Phase::kSaving) state.before_saving = Phase::kRunning;
  if (phase == Phase::kStopping) state.exit_code = 3;
  if (phase == Phase::kExited) {
    state.exit_code = 3;
    state.ending = true;
  }
  return state;
}

Step after(State state, const Event& event, const Rules& rules = kRules, Time now = Time(1h)) {
  return step(std::move(state), event, rules, now);
}

template <typename A>
const A* find(const Step& stepped) {
  for (const Action& action : stepped.actions) {
    if (const auto* found = std::get_if<A>(&action)) return found;
  }
  return nullptr;
}

const SetTimer* timer(const Step& stepped, Timer which) {
  for (const Action& action : stepped.actions) {
    const auto* set = std::get_if<SetTimer>(&action);
    if (set != nullptr && set->timer == which) return set;
  }
  return nullptr;
}

struct Row {
  const char* name;
  Event event;
  // Of created, starting, restoring, running, paused, saving, stopping, exited: the phase after,
  // with * when all is being undone.
  std::array<const char*, 8> expected;
};

constexpr std::array kPhases = {Phase::kCreated,  Phase::kStarting, Phase::kRestoring,
                                Phase::kRunning,  Phase::kPaused,   Phase::kSaving,
                                Phase::kStopping, Phase::kExited};

std::vector<Row> table() {
  // clang-format off
  return {
    {"begun", Begun{},                {"starting", "starting", "restoring", "running", "paused", "saving", "stopping", "exited*"}},
    {"begun again", Begun{true},      {"restoring", "starting", "restoring", "running", "paused", "saving", "stopping", "exited*"}},
    {"machine started", MachineStarted{}, {"created", "starting", "restoring", "running", "paused", "saving", "stopping", "exited*"}},
    {"launched", Launched{},          {"created", "starting", "running", "running", "paused", "saving", "stopping", "exited*"}},
    {"launch failed", LaunchFailed{kError}, {"created*", "starting*", "restoring*", "running*", "paused*", "saving*", "stopping*", "exited*"}},
    {"container started", ContainerStarted{}, {"created", "running", "restoring", "running", "paused", "saving", "stopping", "exited*"}},
    {"gates passed", GatesPassed{},   {"created", "starting", "restoring", "running", "paused", "saving", "stopping", "exited*"}},
    {"a gate failed", GateFailed{kError}, {"created", "starting", "restoring", "running", "paused", "saving", "stopping", "exited*"}},
    {"ready's time is up", TimeUp{Timer::kReady, kError}, {"created", "starting", "restoring", "running", "paused", "saving", "stopping", "exited*"}},
    {"container exited", ContainerExited{7}, {"stopping", "stopping", "stopping", "stopping", "stopping", "stopping", "stopping", "exited*"}},
    {"guest failed", GuestFailed{kError}, {"created*", "starting*", "restoring*", "running*", "paused*", "saving*", "stopping*", "exited*"}},
    {"machine ended", MachineEnded{kError}, {"created*", "starting*", "restoring*", "running*", "paused*", "saving*", "stopping*", "exited*"}},
    {"output ended", OutputEnded{},   {"created", "starting", "restoring", "running", "paused", "saving", "stopping*", "exited*"}},
    {"sink closed", SinkClosed{},     {"created*", "starting*", "restoring*", "running", "paused", "saving", "stopping", "exited*"}},
    {"interrupted", Signalled{SIGINT}, {"created*", "starting*", "restoring*", "running", "paused", "saving", "stopping", "exited*"}},
    {"signalled", Signalled{SIGUSR1}, {"created", "starting", "restoring", "running", "paused", "saving", "stopping", "exited*"}},
    {"hung up", HungUp{},             {"created*", "starting*", "restoring*", "running", "paused", "saving", "stopping", "exited*"}},
    {"stop", StopAsked{{SIGTERM, 1s}}, {"created*", "starting*", "restoring*", "running", "paused", "saving", "stopping", "exited*"}},
    {"kill", KillAsked{SIGKILL},      {"created", "starting", "restoring", "running", "paused", "saving", "stopping", "exited*"}},
    {"end", EndAsked{},               {"created*", "starting*", "restoring*", "running*", "paused*", "saving*", "stopping*", "exited*"}},
    {"stop refused", StopRefused{},   {"created*", "starting*", "restoring*", "running*", "paused*", "saving*", "stopping*", "exited*"}},
    {"restart", RestartAsked{{SIGTERM, 1s}}, {"created", "starting", "restoring", "running", "paused", "saving", "stopping", "exited*"}},
    {"restart refused", RestartRefused{kError}, {"created", "starting", "restoring", "running", "paused", "saving", "stopping", "exited*"}},
    {"pause", PauseAsked{},           {"created", "starting", "restoring", "running", "paused", "saving", "stopping", "exited*"}},
    {"paused", Paused{},              {"created", "starting", "restoring", "paused", "paused", "saving", "stopping", "exited*"}},
    {"not paused", Paused{false},     {"created", "starting", "restoring", "running", "paused", "saving", "stopping", "exited*"}},
    {"resume", ResumeAsked{},         {"created", "starting", "restoring", "running", "paused", "saving", "stopping", "exited*"}},
    {"resumed", Resumed{},            {"created", "starting", "restoring", "running", "running", "saving", "stopping", "exited*"}},
    {"not resumed", Resumed{false},   {"created", "starting", "restoring", "running", "paused", "saving", "stopping", "exited*"}},
    {"save", SaveAsked{},             {"created", "starting", "restoring", "saving", "saving", "saving", "stopping", "exited*"}},
    {"the disk is full", DiskFull{kError}, {"created*", "starting*", "restoring*", "running", "paused", "saving", "stopping", "exited*"}},
    {"the disk has room", DiskHasRoom{}, {"created", "starting", "restoring", "running", "paused", "saving", "stopping", "exited*"}},
    {"saved", Saved{},                {"created", "starting", "restoring", "running", "paused", "running", "stopping", "exited*"}},
    {"start's time is up", TimeUp{Timer::kStart, kError}, {"created", "starting*", "restoring", "running", "paused", "saving", "stopping", "exited*"}},
    {"a restart's pause is over", TimeUp{Timer::kRestart}, {"created", "starting", "restoring", "running", "paused", "saving", "stopping", "exited*"}},
    {"its lifetime is up", TimeUp{Timer::kLifetime}, {"created*", "starting*", "restoring*", "running", "paused", "saving", "stopping", "exited*"}},
    {"the end's time is up", TimeUp{Timer::kEnd}, {"created*", "starting*", "restoring*", "running*", "paused*", "saving*", "stopping*", "exited*"}},
    {"all is given up", TimeUp{Timer::kGiveUp}, {"created", "starting", "restoring", "running", "paused", "saving", "stopping", "exited*"}},
    {"death", TimeUp{Timer::kDeath}, {"created", "starting", "restoring", "running", "paused", "saving", "stopping", "exited*"}},
  };
  // clang-format on
}

TEST_CASE("every event in every phase leads where it should") {
  for (const Row& row : table()) {
    for (std::size_t i = 0; i < kPhases.size(); ++i) {
      const Step stepped = after(in(kPhases[i]), row.event);
      const std::string now =
          std::string(to_string(stepped.state.phase)) + (stepped.state.ending ? "*" : "");
      INFO(row.name << " in " << to_string(kPhases[i]));
      CHECK(now == row.expected[i]);
    }
  }
}

TEST_CASE("whatever happens in whatever order, the promises of an end hold") {
  const auto rows = table();
  std::mt19937 random(11);
  Rules always = kRules;
  always.restart.when = RestartPolicy::When::kAlways;
  for (int round = 0; round < 20'000; ++round) {
    const Rules& rules = round % 2 == 0 ? kRules : always;
    State state;
    Time now(1h);
    int torn_down = 0;
    bool asked_to_end = false;
    for (int i = 0; i < 12; ++i) {
      const Row& row = rows[random() % rows.size()];
      now += std::chrono::milliseconds(random() % 3000);
      const State before = state;
      const Step stepped = after(state, row.event, rules, now);
      state = stepped.state;
      INFO("round " << round << ", " << row.name << " in " << to_string(before.phase));
      // What was decided stays.
      if (before.exit_code) CHECK(state.exit_code == before.exit_code);
      if (before.error) CHECK(state.error->message() == before.error->message());
      CHECK(before.ending <= state.ending);
      // All is undone once, and then the VMM's death is certain.
      if (find<TearDown>(stepped) != nullptr) ++torn_down;
      CHECK(torn_down == (state.ending ? 1 : 0));
      if (find<TearDown>(stepped) != nullptr) CHECK(timer(stepped, Timer::kDeath) != nullptr);
      // Afterwards nothing is begun any more.
      if (before.ending) {
        const bool only_ends =
            std::all_of(stepped.actions.begin(), stepped.actions.end(), [](const Action& action) {
              const auto* set = std::get_if<SetTimer>(&action);
              return std::holds_alternative<KillMachine>(action) ||
                     std::holds_alternative<GiveUp>(action) ||
                     (set != nullptr && set->timer == Timer::kGiveUp);
            });
        CHECK(only_ends);
      }
      // Who asked for the end gets it, whatever the guest does.
      asked_to_end = asked_to_end || find<AskToStop>(stepped) != nullptr ||
                     state.stop_when_resumed.has_value();
      if (asked_to_end) CHECK((state.ending || state.ends_at.has_value()));
      if (state.phase == Phase::kStopping) CHECK(state.exit_code.has_value());
    }
  }
}

TEST_CASE("the earliest of the limits counts") {
  const Step first = after(in(Phase::kRunning), StopAsked{{SIGTERM, 10s}});
  CHECK(timer(first, Timer::kEnd)->after == 15s);
  const Step later = after(first.state, StopAsked{{SIGTERM, 60s}});
  CHECK(timer(later, Timer::kEnd) == nullptr);
  CHECK(find<AskToStop>(later)->stop.grace == 60s);
  const Step sooner = after(later.state, KillAsked{SIGKILL});
  CHECK(timer(sooner, Timer::kEnd)->after == 2s);
}

TEST_CASE("a lifetime counts from the start, and a guest that is late gains little") {
  Rules rules = kRules;
  rules.lifetime = 5s;
  const Step machine = after(in(Phase::kStarting), MachineStarted{}, rules);
  CHECK(timer(machine, Timer::kLifetime)->after == 30min + 5s);
  const Step started = after(machine.state, ContainerStarted{}, rules, Time(1h) + 1min);
  CHECK(timer(started, Timer::kLifetime)->after == 5s);
  const Step late = after(machine.state, ContainerStarted{}, rules, Time(1h) + 30min + 3s);
  CHECK(timer(late, Timer::kLifetime) == nullptr);
  const Step over = after(started.state, TimeUp{Timer::kLifetime}, rules);
  CHECK(find<AskToStop>(over)->stop.signal == SIGKILL);
  CHECK(find<Blame>(over)->why == Blame::Why::kLifetime);
}

TEST_CASE("a paused VM is resumed to be stopped, once") {
  const Step asked = after(in(Phase::kPaused), StopAsked{{SIGTERM, 1s}});
  CHECK(find<Resume>(asked) != nullptr);
  CHECK(find<AskToStop>(asked) == nullptr);
  const Step resumed = after(asked.state, Resumed{});
  CHECK(resumed.state.phase == Phase::kRunning);
  CHECK(find<AskToStop>(resumed)->stop.signal == SIGTERM);
  const Step refused = after(asked.state, Resumed{false});
  CHECK(refused.actions.empty());
  CHECK(refused.state.ends_at.has_value());
}

TEST_CASE("a VM whose disk has no room is paused, and goes on when there is some") {
  Step stepped = after(in(Phase::kRunning), DiskFull{kError});
  REQUIRE(find<Pause>(stepped) != nullptr);
  stepped = after(stepped.state, Paused{});
  CHECK(stepped.state.phase == Phase::kPaused);
  CHECK(stepped.state.awaits_room);
  CHECK(find<Resume>(after(stepped.state, ResumeAsked{})) == nullptr);
  CHECK(find<Pause>(after(stepped.state, DiskFull{kError})) == nullptr);
  stepped = after(stepped.state, DiskHasRoom{});
  REQUIRE(find<Resume>(stepped) != nullptr);
  stepped = after(stepped.state, Resumed{});
  CHECK(stepped.state.phase == Phase::kRunning);
  CHECK_FALSE(stepped.state.awaits_room);
  // There was room again before it was paused.
  stepped = after(after(in(Phase::kRunning), DiskFull{kError}).state, DiskHasRoom{});
  stepped = after(stepped.state, Paused{});
  CHECK(find<Resume>(stepped) != nullptr);
  // One that its user has paused stays so.
  CHECK(find<Resume>(after(in(Phase::kPaused), DiskHasRoom{})) == nullptr);
  stepped = after(in(Phase::kPaused), DiskFull{kError});
  CHECK(find<Resume>(after(stepped.state, DiskHasRoom{})) == nullptr);
  // Nor is it resumed while there is none.
  stepped = after(in(Phase::kPaused), DiskFull{kError});
  CHECK(find<Resume>(after(stepped.state, ResumeAsked{})) == nullptr);
  // One that could not be paused is when the disk is looked at again.
  stepped = after(after(in(Phase::kRunning), DiskFull{kError}).state, Paused{false});
  CHECK_FALSE(stepped.state.awaits_room);
  CHECK(find<Pause>(after(stepped.state, DiskFull{kError})) != nullptr);
  // One that is being stopped runs for that.
  stepped = after(in(Phase::kRunning), StopAsked{{SIGTERM, 1s}});
  CHECK(find<Pause>(after(stepped.state, DiskFull{kError})) == nullptr);
  CHECK(after(in(Phase::kStarting), DiskFull{kError}).state.error);
}

TEST_CASE("a command that could not be started is not announced as started") {
  for (const int code : {125, 126, 127}) {
    const Step stepped = after(in(Phase::kStarting), ContainerExited{code});
    REQUIRE(find<AnnounceStart>(stepped) != nullptr);
    CHECK_FALSE(find<AnnounceStart>(stepped)->began);
    CHECK(stepped.state.never_began);
    CHECK(stepped.state.outcome() == code);
    CHECK(timer(stepped, Timer::kEnd) != nullptr);  // should its output never end
  }
  CHECK(find<AnnounceStart>(after(in(Phase::kStarting), ContainerExited{1}))->began);
  CHECK_FALSE(after(in(Phase::kRunning), ContainerExited{127}).state.never_began);
}

TEST_CASE("one that is told to end before its container ran says so") {
  for (const Phase phase : {Phase::kCreated, Phase::kStarting, Phase::kRestoring}) {
    for (const Event& event :
         std::initializer_list<Event>{Signalled{SIGTERM}, Signalled{SIGQUIT}, Signalled{SIGHUP},
                                      StopAsked{{SIGTERM, 1s}}, HungUp{}, EndAsked{}}) {
      const Step stepped = after(in(phase), event);
      CHECK(stepped.state.ended_early);
      REQUIRE(find<Blame>(stepped) != nullptr);
      CHECK(find<Blame>(stepped)->why == Blame::Why::kEndedEarly);
      CHECK(stepped.state.outcome() > 128);
    }
  }
  CHECK_FALSE(after(in(Phase::kRunning), EndAsked{}).state.ended_early);
}

TEST_CASE("a VM that is being saved is stopped after that") {
  for (const Phase from : {Phase::kRunning, Phase::kPaused}) {
    const Step saving = after(in(from), SaveAsked{});
    const Step asked = after(saving.state, StopAsked{{SIGTERM, 1s}});
    CHECK(timer(asked, Timer::kEnd) != nullptr);
    CHECK(find<AskToStop>(asked) == nullptr);
    const Step saved = after(asked.state, Saved{});
    CHECK((find<AskToStop>(saved) != nullptr) == (from == Phase::kRunning));
    CHECK((find<Resume>(saved) != nullptr) == (from == Phase::kPaused));
  }
}

TEST_CASE(
    "a container that its policy wants again is started again, each time after a longer pause") {
  Rules rules = kRules;
  rules.restart.when = RestartPolicy::When::kAlways;
  Step stepped = after(in(Phase::kRunning), ContainerExited{0}, rules);
  for (const auto pause : {100ms, 200ms, 400ms}) {
    CHECK(stepped.state.phase == Phase::kRunning);
    CHECK(timer(stepped, Timer::kRestart)->after == pause);
    stepped = after(stepped.state, TimeUp{Timer::kRestart}, rules);
    REQUIRE(find<RestartContainer>(stepped) != nullptr);
    stepped = after(stepped.state, ContainerStarted{}, rules);
    REQUIRE(find<AnnounceRestart>(stepped) != nullptr);
    stepped = after(stepped.state, ContainerExited{0}, rules);
  }
  CHECK(stepped.state.restarts == 3);
  // One that ran for a while has earned a short one.
  stepped = after(stepped.state, TimeUp{Timer::kRestart}, rules);
  stepped = after(stepped.state, ContainerStarted{}, rules);
  stepped = after(stepped.state, ContainerExited{0}, rules, Time(1h) + 10s);
  CHECK(timer(stepped, Timer::kRestart)->after == 100ms);
}

TEST_CASE("one that has failed often enough is not started again, and its output ends") {
  Rules rules = kRules;
  rules.restart = {.when = RestartPolicy::When::kOnFailure, .most = 1};
  Step stepped = after(in(Phase::kRunning), ContainerExited{7}, rules);
  stepped = after(stepped.state, TimeUp{Timer::kRestart}, rules);
  stepped = after(stepped.state, ContainerStarted{}, rules);
  stepped = after(stepped.state, ContainerExited{8}, rules);
  CHECK(stepped.state.phase == Phase::kStopping);
  CHECK(stepped.state.outcome() == 8);
  CHECK(find<ReleaseContainer>(stepped) != nullptr);
  // Nor one that has not failed, or never began.
  CHECK(after(in(Phase::kRunning), ContainerExited{0}, rules).state.phase == Phase::kStopping);
  CHECK(after(in(Phase::kStarting), ContainerExited{127}, rules).state.phase == Phase::kStopping);
}

TEST_CASE("one that somebody stops is not started again, whenever that is") {
  Rules rules = kRules;
  rules.restart.when = RestartPolicy::When::kAlways;
  // While it runs.
  Step stepped = after(in(Phase::kRunning), StopAsked{{SIGTERM, 1s}}, rules);
  CHECK(after(stepped.state, ContainerExited{143}, rules).state.exit_code == 143);
  stepped = after(in(Phase::kRunning), KillAsked{SIGKILL}, rules);
  CHECK(after(stepped.state, ContainerExited{137}, rules).state.exit_code == 137);
  // In its pause.
  const Step pauses = after(in(Phase::kRunning), ContainerExited{3}, rules);
  stepped = after(pauses.state, StopAsked{{SIGTERM, 1s}}, rules);
  CHECK(stepped.state.exit_code == 3);
  CHECK(find<ReleaseContainer>(stepped) != nullptr);
  // On its way.
  const Step goes = after(pauses.state, TimeUp{Timer::kRestart}, rules);
  stepped = after(goes.state, StopAsked{{SIGTERM, 1s}}, rules);
  CHECK(find<AskToStop>(stepped) == nullptr);
  stepped = after(stepped.state, ContainerStarted{}, rules);
  CHECK(find<AskToStop>(stepped) != nullptr);
  CHECK(after(stepped.state, ContainerExited{143}, rules).state.exit_code == 143);
}

TEST_CASE("one that is restarted by a command comes again, whatever its policy") {
  Step stepped = after(in(Phase::kRunning), RestartAsked{{SIGTERM, 1s}});
  CHECK(find<RestartContainer>(stepped)->stop.signal == SIGTERM);
  CHECK(timer(stepped, Timer::kStart) != nullptr);
  stepped = after(stepped.state, ContainerExited{143});
  CHECK(stepped.state.phase == Phase::kRunning);
  const Step again = after(stepped.state, ContainerStarted{});
  CHECK(find<AnnounceRestart>(again) != nullptr);
  CHECK(after(again.state, ContainerExited{5}).state.exit_code == 5);
  // Its start fails.
  CHECK(after(stepped.state, ContainerExited{126}).state.exit_code == 126);
  CHECK(after(stepped.state, TimeUp{Timer::kStart, kError}).state.error);
  // It had ended before the guest was asked.
  CHECK(after(stepped.state, RestartRefused{kError}).state.exit_code == 143);
}

TEST_CASE("the second interrupt ends the VM at once, and a third kills its VMM") {
  const Step first = after(in(Phase::kRunning), Signalled{SIGINT});
  CHECK(find<AskToStop>(first)->stop.signal == SIGINT);
  const Step second = after(first.state, Signalled{SIGTERM});
  CHECK(second.state.ending);
  CHECK(second.state.outcome() == 128 + SIGTERM);
  CHECK(find<TearDown>(second)->quiesce == 0ms);
  const Step third = after(second.state, Signalled{SIGINT});
  CHECK(find<KillMachine>(third) != nullptr);
  CHECK(timer(third, Timer::kGiveUp)->after == 1s);
  // Nor does a fourth put it off.
  CHECK(timer(after(third.state, Signalled{SIGINT}), Timer::kGiveUp) == nullptr);
  CHECK(find<GiveUp>(after(third.state, TimeUp{Timer::kGiveUp})) != nullptr);
}

TEST_CASE("what the container wrote reaches a disk that stays") {
  const auto ended = [](const Rules& rules, State state) {
    const Step exited = after(std::move(state), ContainerExited{0}, rules);
    return find<TearDown>(after(exited.state, OutputEnded{}, rules))->quiesce;
  };
  Rules gone = kRules;
  gone.keeps_disk = false;
  CHECK(ended(kRules, in(Phase::kRunning)) == 10s);
  CHECK(ended(gone, in(Phase::kRunning)) == 0ms);
  const Step forced = after(in(Phase::kRunning), TimeUp{Timer::kEnd});
  CHECK(find<TearDown>(forced)->quiesce == 2s);
  const Step still = after(in(Phase::kPaused), TimeUp{Timer::kEnd});
  CHECK(find<TearDown>(still)->quiesce == 0ms);
}

TEST_CASE("the outcome is the container's own, unless something failed") {
  CHECK(after(in(Phase::kRunning), ContainerExited{7}).state.outcome() == 7);
  CHECK(after(in(Phase::kRunning), ContainerExited{-1}).state.outcome() == 255);
  CHECK(after(in(Phase::kRunning), ContainerExited{256}).state.outcome() == 255);
  CHECK(after(in(Phase::kRunning), EndAsked{}).state.outcome() == 137);
  CHECK(after(in(Phase::kRunning), MachineEnded{kError}).state.outcome() == 125);
  CHECK(after(in(Phase::kStopping), MachineEnded{kError}).state.outcome() == 3);
  const Step closed = after(in(Phase::kRunning), SinkClosed{});
  CHECK(after(closed.state, ContainerExited{0}).state.outcome() == 128 + SIGPIPE);
}

const Rules kGated{.stop_grace = 10s, .start_limit = 30min, .ready_limit = 60s};

/// A VM whose container runs, and whose gates have not passed.
State gated() { return after(in(Phase::kStarting), ContainerStarted{}, kGated).state; }

TEST_CASE("a VM without gates is ready once its container runs") {
  const Step stepped = after(in(Phase::kStarting), ContainerStarted{});
  CHECK(find<AnnounceReady>(stepped) != nullptr);
  CHECK(find<AwaitGates>(stepped) == nullptr);
  CHECK(stepped.state.is_ready);
}

TEST_CASE("a VM with gates runs, and is ready once they have passed") {
  const Step started = after(in(Phase::kStarting), ContainerStarted{}, kGated);
  CHECK(find<AnnounceStart>(started) != nullptr);
  CHECK(find<AnnounceReady>(started) == nullptr);
  CHECK(find<AwaitGates>(started) != nullptr);
  REQUIRE(timer(started, Timer::kReady) != nullptr);
  CHECK(timer(started, Timer::kReady)->after > 60s);  // a gate says more than we could
  CHECK(started.state.phase == Phase::kRunning);
  const Step passed = after(started.state, GatesPassed{}, kGated);
  CHECK(find<AnnounceReady>(passed) != nullptr);
  CHECK(find<ClearTimer>(passed)->timer == Timer::kReady);
  CHECK(passed.state.is_ready);
  // Once is enough, and what comes late changes nothing.
  CHECK(find<AnnounceReady>(after(passed.state, GatesPassed{}, kGated)) == nullptr);
  CHECK_FALSE(after(passed.state, GateFailed{kError}, kGated).state.ending);
  CHECK_FALSE(after(passed.state, TimeUp{Timer::kReady}, kGated).state.ending);
}

TEST_CASE("a gate that fails, or is deaf, ends the VM") {
  for (const Event& event : {Event(GateFailed{kError}), Event(TimeUp{Timer::kReady, kError})}) {
    const Step failed = after(gated(), event, kGated);
    CHECK(failed.state.ending);
    CHECK(failed.state.error->message() == kError.message());
    CHECK(failed.state.outcome() == 125);
    CHECK(find<CancelGates>(failed) != nullptr);
  }
}

TEST_CASE("a container that ends before its gates have passed was never ready") {
  const Step exited = after(gated(), ContainerExited{3}, kGated);
  CHECK_FALSE(after(exited.state, GateFailed{kError}, kGated).state.ending);
  CHECK(find<AnnounceReady>(after(exited.state, GatesPassed{}, kGated)) == nullptr);
  const Step ended = after(exited.state, OutputEnded{}, kGated);
  CHECK(find<CancelGates>(ended) != nullptr);
  CHECK(ended.state.outcome() == 3);
  CHECK_FALSE(ended.state.is_ready);
}

TEST_CASE("gates are asked of no container whose command could not be started") {
  const Step never = after(in(Phase::kStarting), ContainerExited{127}, kGated);
  CHECK(find<AwaitGates>(never) == nullptr);
  CHECK(find<AnnounceReady>(never) == nullptr);
}

}  // namespace
}  // namespace fcvm::vm::lifecycle
