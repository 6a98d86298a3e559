#include "tests/contract/agent_client.hpp"

namespace fcvm::tests {
namespace {

wire::Boot boot_with(const std::string& script) {
  wire::Boot boot;
  boot.id = 1;
  boot.plan.container.image = "test";
  boot.plan.container.command = {"/bin/sh", "-c", script};
  return boot;
}

wire::Event next_of(Connection& control, wire::EventKind kind) {
  for (;;) {
    const auto frame = control.next();
    REQUIRE(frame);
    if (frame->type != wire::Event::kType) continue;
    auto event = *wire::decode<wire::Event>(frame->view());
    if (event.kind == kind) return event;
  }
}

TEST_CASE("control: a life from ready to exited, told again to who comes later") {
  const RunningAgent agent;
  std::uint64_t last = 0;
  {
    Connection control = agent.dial(wire::kControlPort);
    control.say(wire::Attach{});
    CHECK(next_of(control, wire::EventKind::kReady).number == 1);
    control.say(boot_with("exit 42"));
    CHECK(next_of(control, wire::EventKind::kStarted).pid > 0);
    const auto exited = next_of(control, wire::EventKind::kExited);
    CHECK(exited.code == 42);
    last = exited.number;
  }
  Connection again = agent.dial(wire::kControlPort);
  again.say(wire::Attach{last - 1});
  const auto event = again.expect<wire::Event>();
  CHECK(event.number == last);
  CHECK(event.code == 42);
  again.say(boot_with("true"));
  CHECK(again.expect<wire::Done>().code == EALREADY);
}

TEST_CASE("control: signals, stop and its grace") {
  const RunningAgent agent;
  Connection control = agent.dial(wire::kControlPort);
  control.say(wire::SignalContainer{9, SIGTERM});
  const auto early = control.expect<wire::Done>();
  CHECK(early.id == 9);
  CHECK(early.code == ESRCH);
  control.say(wire::Attach{});
  control.say(boot_with("trap '' TERM; sleep 60"));
  next_of(control, wire::EventKind::kStarted);
  ::usleep(200'000);
  control.say(wire::StopContainer{2, SIGTERM, 300});
  const auto exited = next_of(control, wire::EventKind::kExited);
  CHECK(exited.code == 128 + SIGKILL);
  CHECK(exited.signal == SIGKILL);
}

TEST_CASE("control: a container is stopped with its own signal") {
  const RunningAgent agent;
  Connection control = agent.dial(wire::kControlPort);
  control.say(wire::Attach{});
  control.say(boot_with("trap 'exit 42' TERM; echo up; while :; do sleep 0.01; done"));
  next_of(control, wire::EventKind::kStarted);
  ::usleep(200'000);
  control.say(wire::StopContainer{2, SIGKILL, 10'000, true});
  CHECK(next_of(control, wire::EventKind::kExited).code == 42);
}

/// What it says next, besides events.
wire::Done answer_of(Connection& control) {
  for (;;) {
    const auto frame = control.next();
    REQUIRE(frame);
    if (frame->type == wire::Done::kType) return *wire::decode<wire::Done>(frame->view());
  }
}

TEST_CASE("control: a container is started again, with its output where it was") {
  const RunningAgent agent;
  Connection control = agent.dial(wire::kControlPort);
  control.say(wire::Attach{});
  // It is told to end, or ends by itself the second time.
  const base::TempDir scratch = *base::TempDir::create();
  auto boot = boot_with("cd " + scratch.path() +
                        "; trap 'exit 2' TERM; [ -e again ] && echo said && exit 3; : >again; "
                        "echo said; while :; do sleep 0.01; done");
  boot.plan.container.held = true;
  control.say(boot);
  next_of(control, wire::EventKind::kStarted);
  Connection output = agent.dial(wire::kOutputPort);
  output.say(wire::OutputAttach{wire::kOldestOffset, wire::kOldestOffset});
  CHECK(output.expect<wire::OutputAttached>().stdout_from == 0);
  std::string out;
  const auto read_until = [&](std::size_t size) {
    while (out.size() < size) {
      const auto frame = output.next();
      REQUIRE(frame);
      const auto data = wire::decode_stream_data(frame->view());
      REQUIRE(data);
      CHECK(data->offset == out.size());
      out += data->bytes;
    }
  };
  read_until(5);
  control.say(wire::RestartContainer{2, SIGTERM, 10'000});
  CHECK(next_of(control, wire::EventKind::kExited).code == 2);
  next_of(control, wire::EventKind::kStarted);
  CHECK(next_of(control, wire::EventKind::kExited).code == 3);
  // Held, it starts whenever its host says so; released, it does not.
  control.say(wire::RestartContainer{3, 0, 10'000});
  CHECK(next_of(control, wire::EventKind::kExited).code == 3);
  read_until(15);
  CHECK(out == "said\nsaid\nsaid\n");
  control.say(wire::ReleaseContainer{4});
  const auto end = output.expect<wire::OutputEnd>();
  CHECK(end.stream == wire::Stream::kStdout);
  CHECK(end.offset == out.size());
  control.say(wire::RestartContainer{5, 0, 10'000});
  wire::Done answer;
  while (answer.id != 5) answer = answer_of(control);
  CHECK(answer.code == ESRCH);
}

TEST_CASE("control: one that is not held is restarted while it runs, and its end is its output's") {
  const RunningAgent agent;
  Connection control = agent.dial(wire::kControlPort);
  control.say(wire::RestartContainer{9, 0, 0});
  CHECK(control.expect<wire::Done>().code == ESRCH);
  control.say(wire::Attach{});
  const base::TempDir scratch = *base::TempDir::create();
  const std::string mark = scratch.path() + "/again";
  control.say(boot_with("[ -e " + mark + " ] && exit 3; : >" + mark + "; sleep 60"));
  next_of(control, wire::EventKind::kStarted);
  while (::access(mark.c_str(), F_OK) != 0) ::usleep(1000);
  control.say(wire::RestartContainer{2, SIGKILL, 0});
  next_of(control, wire::EventKind::kStarted);
  CHECK(next_of(control, wire::EventKind::kExited).code == 3);
  Connection output = agent.dial(wire::kOutputPort);
  output.say(wire::OutputAttach{wire::kOldestOffset, wire::kOldestOffset});
  CHECK(output.expect<wire::OutputAttached>().stdout_from == 0);
  CHECK(output.expect<wire::OutputEnd>().offset == 0);
}

TEST_CASE("control: a stage that fails is an event, and then the end") {
  RunningAgent agent;
  Connection control = agent.dial(wire::kControlPort);
  control.say(wire::Attach{});
  auto boot = boot_with("true");
  boot.plan.hostname = "fail";
  control.say(boot);
  const auto failed = next_of(control, wire::EventKind::kFailed);
  CHECK(failed.stage == "nothing");
  CHECK(failed.code == EIO);
  CHECK(agent.process().wait(base::Deadline::in(std::chrono::seconds(10))).has_value());
}

TEST_CASE("control: power off ends the container first") {
  RunningAgent agent;
  Connection control = agent.dial(wire::kControlPort);
  control.say(wire::Attach{});
  control.say(boot_with("trap 'exit 7' TERM; while :; do sleep 0.05; done"));
  next_of(control, wire::EventKind::kStarted);
  ::usleep(300'000);
  control.say(wire::PowerOff{3, 5000});
  CHECK(next_of(control, wire::EventKind::kExited).code == 7);
  next_of(control, wire::EventKind::kPoweringOff);
  CHECK(agent.process().wait(base::Deadline::in(std::chrono::seconds(10))).has_value());
}

TEST_CASE("control: a container that cannot start is a failure, not an exit") {
  const RunningAgent agent;
  Connection control = agent.dial(wire::kControlPort);
  control.say(wire::Attach{});
  auto boot = boot_with("");
  boot.plan.container.command = {"/no/such/program"};
  control.say(boot);
  CHECK(next_of(control, wire::EventKind::kFailed).code == ENOENT);
}

TEST_CASE("control: requests of every kind are answered, unknown ones refused") {
  const RunningAgent agent;
  Connection control = agent.dial(wire::kControlPort);
  control.say(wire::Quiesce{6});
  const auto quiesced = control.expect<wire::Done>();
  CHECK(quiesced.id == 6);
  CHECK(quiesced.code == 0);
  wire::Resumed resumed;
  resumed.id = 7;
  control.say(resumed);
  CHECK(control.expect<wire::Done>().id == 7);
  control.say_raw(999, "what");
  CHECK(control.expect<wire::Refusal>().code == EPROTO);
}

}  // namespace
}  // namespace fcvm::tests
