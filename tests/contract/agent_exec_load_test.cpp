// exec: commands that are left, and many at once.
#include <csignal>
#include <filesystem>
#include <iterator>
#include <poll.h>
#include <sys/ioctl.h>

#include "core/base/io/file.hpp"
#include "tests/contract/agent_client.hpp"
#include "tests/support/skip.hpp"

namespace fcvm::tests {
namespace {

void await_file(const std::string& path) {
  for (int i = 0; i < 1000 && ::access(path.c_str(), F_OK) != 0; ++i) ::usleep(20'000);
  CHECK(::access(path.c_str(), F_OK) == 0);
}

/// Until nothing more fits between the two: from then on the agent waits to write.
void await_full(int socket) {
  int before = -1;
  for (int now = 0; now != before; ::usleep(50'000)) {
    before = now;
    REQUIRE(::ioctl(socket, FIONREAD, &now) == 0);
  }
}

TEST_CASE("exec: a command that was left goes on, and its output waits for nobody") {
  FCVM_SKIP_IF(::geteuid() != 0, "an agent that is not root opens no terminal");
  const RunningAgent agent;
  const auto directory = *base::TempDir::create();
  for (const bool tty : {false, true}) {
    const std::string done = directory.path() + (tty ? "/tty" : "/pipe");
    auto request = shell("echo ready; trap 'exit' HUP; head -c 30000000 /dev/zero; touch " + done);
    request.tty = tty;
    {
      Connection connection = begin(agent, request);
      CHECK(connection.next()->payload.substr(0, 5) == "ready");
      await_full(connection.fd());
      connection.say(wire::ExecDetach{});
    }
    await_file(done);
  }
  CHECK(run(agent, shell("echo alive")).out == "alive\n");
}

/// What of its 10 MB one command has sent, and that they are its own.
struct Receiver {
  Connection connection;
  char letter;
  std::size_t bytes = 0;
  std::optional<int> code{};

  void take(const OwnFrame& frame) {
    if (const auto exit = wire::decode<wire::ExecExit>(frame.view())) code = exit->code;
    if (frame.type != wire::kExecStdout) return;
    REQUIRE(frame.payload.find_first_not_of(letter) == std::string::npos);
    bytes += frame.payload.size();
  }
};

TEST_CASE("exec: 64 at once with 10 MB each, all read together") {
  constexpr std::size_t kEach = 10 << 20;
  const RunningAgent agent;
  std::vector<Receiver> receivers;
  std::vector<pollfd> polled;
  for (int i = 0; i < 64; ++i) {
    auto request = shell("head -c 10485760 /dev/zero | tr '\\0' \"$1\"; exit $2");
    const char letter = static_cast<char>('0' + i);
    request.command.insert(request.command.end(),
                           {"sh", std::string(1, letter), std::to_string(i)});
    receivers.push_back({begin(agent, request), letter});
    polled.push_back({receivers.back().connection.fd(), POLLIN, 0});
  }
  std::size_t running = receivers.size();
  while (running > 0) {
    REQUIRE(::poll(polled.data(), polled.size(), 60'000) > 0);
    for (std::size_t i = 0; i < receivers.size(); ++i) {
      if (polled[i].revents == 0) continue;
      const auto frame = receivers[i].connection.next();
      if (frame) receivers[i].take(*frame);
      if (frame && !receivers[i].code) continue;
      polled[i].fd = -1;
      --running;
    }
  }
  for (std::size_t i = 0; i < receivers.size(); ++i) {
    CHECK(receivers[i].bytes == kEach);
    CHECK(receivers[i].code == static_cast<int>(i));
  }
}

// For the nightly run: starts that are given up, killed, refused and left at every moment.
TEST_CASE("exec: a storm of commands leaves nothing behind", "[.storm]") {
  RunningAgent agent;
  CHECK(run(agent, shell("echo alive")).out == "alive\n");
  const std::string proc = "/proc/" + std::to_string(agent.process().pid());
  const auto count = [](const std::string& directory) {
    const std::filesystem::directory_iterator entries(directory);
    return std::distance(begin(entries), end(entries));
  };
  // Of a process that may not be dumped, root alone sees what it holds.
  FCVM_SKIP_IF(::geteuid() != 0, "needs root");
  const auto descriptors = count(proc + "/fd");
  for (int round = 0; round < 5000; ++round) {
    auto request = shell(round % 3 == 0 ? "exit 3" : "sleep 20");
    if (round % 7 == 0) request.command = {"no-such-program"};
    Connection connection = begin(agent, request);
    if (round % 2 == 0) ::usleep(static_cast<unsigned>(round % 11 * 300));
    if (round % 5 == 0) connection.say(wire::ExecSignal{SIGKILL});
    if (round % 5 == 0 || round % 3 == 0 || round % 7 == 0) {
      const auto outcome = finish(connection);
      CHECK((outcome.code || outcome.failed));
    }
  }
  CHECK(run(agent, shell("echo alive")).out == "alive\n");
  const std::string children =
      proc + "/task/" + std::to_string(agent.process().pid()) + "/children";
  const auto settled = [&] {
    return count(proc + "/fd") == descriptors && base::read_file(children).value_or("x").empty();
  };
  for (int i = 0; i < 500 && !settled(); ++i) ::usleep(20'000);
  CHECK(count(proc + "/fd") == descriptors);
  CHECK(base::read_file(children).value_or("x").empty());
}

}  // namespace
}  // namespace fcvm::tests
