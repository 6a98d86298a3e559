#include <chrono>

#include "tests/contract/agent_client.hpp"

namespace fcvm::tests {
namespace {

void boot(const RunningAgent& agent, const std::string& script, bool interactive = false) {
  Connection control = agent.dial(wire::kControlPort);
  wire::Boot request;
  request.plan.container.image = "test";
  request.plan.container.command = {"/bin/sh", "-c", script};
  request.plan.container.interactive = interactive;
  control.say(request);
  CHECK(control.expect<wire::Done>().code == 0);
}

/// What a host keeps of one stream, over as many connections as it takes.
struct Host {
  std::string out;
  bool ended = false;

  // Reads until `most` bytes in all, or the end; acknowledges as it goes, if told to.
  void read(Connection& output, std::size_t most, bool acknowledge) {
    while (!ended && out.size() < most) {
      const auto frame = output.next();
      REQUIRE(frame);
      if (const auto data = wire::decode_stream_data(frame->view())) {
        if (data->stream != wire::Stream::kStdout) continue;
        REQUIRE(data->offset == out.size());
        out += data->bytes;
        if (acknowledge) output.say(wire::OutputAck{wire::Stream::kStdout, out.size()});
      } else if (const auto end = wire::decode<wire::OutputEnd>(frame->view())) {
        if (end->stream == wire::Stream::kStdout) ended = end->offset == out.size();
      }
    }
  }
};

Connection attach(const RunningAgent& agent, std::uint64_t from) {
  Connection output = agent.dial(wire::kOutputPort);
  output.say(wire::OutputAttach{from, wire::kOldestOffset});
  CHECK(output.expect<wire::OutputAttached>().stdout_from ==
        (from == wire::kOldestOffset ? 0 : from));
  return output;
}

// Several times what the agent keeps.
constexpr int kMany = 500'000;
constexpr char kNumbers[] = "seq 1 500000";

std::string numbers() {
  std::string all;
  for (int i = 1; i <= kMany; ++i) all += std::to_string(i) + "\n";
  return all;
}

TEST_CASE("output: nothing is lost or doubled over many connections, and of more than is kept") {
  const RunningAgent agent;
  boot(agent, kNumbers);
  Host host;
  std::size_t step = 1;
  while (!host.ended) {
    Connection output = attach(agent, host.out.size());
    host.read(output, host.out.size() + step, true);
    step = step % 50'000 + 7001;
  }
  CHECK(host.out == numbers());
}

TEST_CASE("output: every kept offset can be replayed") {
  const RunningAgent agent;
  boot(agent, "printf abcdefghijklmnopqrstuvwxyz");
  for (std::size_t from = 0; from <= 26; ++from) {
    // From a place not yet acknowledged, so that it is kept: the attachments only go up.
    Connection output = attach(agent, from);
    Host host;
    host.out = std::string("abcdefghijklmnopqrstuvwxyz").substr(0, from);
    host.read(output, SIZE_MAX, false);
    CHECK(host.out == "abcdefghijklmnopqrstuvwxyz");
  }
  Connection gone = agent.dial(wire::kOutputPort);
  gone.say(wire::OutputAttach{3, wire::kOldestOffset});
  CHECK(gone.expect<wire::Refusal>().code == ERANGE);
  Connection beyond = agent.dial(wire::kOutputPort);
  beyond.say(wire::OutputAttach{27, wire::kOldestOffset});
  CHECK(beyond.expect<wire::Refusal>().code == ERANGE);
}

TEST_CASE("output: a host that stalls makes the container wait, and loses nothing") {
  const RunningAgent agent;
  boot(agent, kNumbers);
  Connection output = attach(agent, wire::kOldestOffset);
  ::usleep(1'500'000);
  Host host;
  host.read(output, SIZE_MAX, true);
  CHECK(host.out == numbers());
}

TEST_CASE("output: both streams, and binary bytes") {
  const RunningAgent agent;
  boot(agent, "head -c 3000000 /dev/zero; printf '\\000\\377\\n' >&2");
  Connection output = attach(agent, wire::kOldestOffset);
  std::string out;
  std::string err;
  for (int ends = 0; ends < 2;) {
    const auto frame = output.next();
    REQUIRE(frame);
    if (frame->type == wire::OutputEnd::kType) ++ends;
    const auto data = wire::decode_stream_data(frame->view());
    if (!data) continue;
    std::string& stream = data->stream == wire::Stream::kStdout ? out : err;
    REQUIRE(data->offset == stream.size());
    stream += data->bytes;
    output.say(wire::OutputAck{data->stream, stream.size()});
  }
  CHECK(out == std::string(3'000'000, '\0'));
  CHECK(err == std::string("\0\377\n", 3));
}

TEST_CASE("output: stdin comes through once, though it is sent twice") {
  const RunningAgent agent;
  boot(agent, "cat", true);
  {
    Connection first = attach(agent, wire::kOldestOffset);
    first.send(wire::encode_stream_data({wire::Stream::kStdin, 0, "hello "}));
    Host host;
    host.read(first, 6, false);
    CHECK(host.out == "hello ");
  }
  Connection second = agent.dial(wire::kOutputPort);
  second.say(wire::OutputAttach{0, 0});
  CHECK(second.expect<wire::OutputAttached>().stdin_from == 6);
  second.send(wire::encode_stream_data({wire::Stream::kStdin, 3, "lo world"}));
  second.say(wire::StdinEnd{11});
  Host host;
  host.read(second, SIZE_MAX, true);
  CHECK(host.out == "hello world");
}

TEST_CASE("output: the newest host wins, and nonsense is refused") {
  const RunningAgent agent;
  boot(agent, "sleep 20");
  Connection first = attach(agent, wire::kOldestOffset);
  Connection second = attach(agent, wire::kOldestOffset);
  CHECK(first.expect<wire::Refusal>().code == EBUSY);
  second.say(wire::OutputAck{wire::Stream::kStdout, 99});
  CHECK(second.expect<wire::Refusal>().code == ERANGE);
  Connection third = attach(agent, wire::kOldestOffset);
  third.send(wire::encode_stream_data({wire::Stream::kStdin, 5, "a hole before it"}));
  CHECK(third.expect<wire::Refusal>().code == EPROTO);
}

}  // namespace
}  // namespace fcvm::tests
