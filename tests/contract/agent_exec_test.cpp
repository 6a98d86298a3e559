#include <chrono>
#include <sys/stat.h>
#include <thread>

#include "core/base/io/file.hpp"
#include "tests/contract/agent_client.hpp"
#include "tests/support/recorded_hellos.hpp"
#include "tests/support/skip.hpp"

namespace fcvm::tests {
namespace {

using Clock = std::chrono::steady_clock;

TEST_CASE("exec: streams and exit codes are exact") {
  const RunningAgent agent;
  const auto outcome = run(agent, shell("printf out; printf err >&2; exit 37"));
  CHECK(outcome.out == "out");
  CHECK(outcome.err == "err");
  CHECK(outcome.code == 37);
  CHECK(run(agent, shell("kill -9 $$")).code == 137);
  CHECK(run(agent, shell("exit 255")).code == 255);
}

TEST_CASE("exec: ten megabytes come out byte by byte as they were") {
  const RunningAgent agent;
  const auto outcome = run(agent, shell("i=0; while [ $i -lt 10 ]; do head -c 1048576 /dev/zero | "
                                        "tr '\\0' \"$i\"; i=$((i+1)); done"));
  REQUIRE(outcome.out.size() == 10 << 20);
  for (std::size_t i = 0; i < outcome.out.size(); i += 4093) {
    REQUIRE(outcome.out[i] == static_cast<char>('0' + (i >> 20)));
  }
}

TEST_CASE("exec: what cannot run says 126 or 127, and anything else 125") {
  const RunningAgent agent;
  auto request = shell("");
  request.command = {"/no/such/program"};
  CHECK(run(agent, request).failed == 127);
  request.command = {"no-such-program-either"};
  CHECK(run(agent, request).failed == 127);
  request.command = {"/etc"};
  CHECK(run(agent, request).failed == 126);
  request.command = {"true"};
  request.user = "nobody-knows-me";
  Connection connection = agent.dial(wire::kExecPort);
  connection.say(request);
  const auto unknown = connection.expect<wire::ExecFailed>();  // before anything could run
  CHECK(unknown.code == 125);
  CHECK(unknown.message.find("nobody-knows-me") != std::string::npos);
}

TEST_CASE("exec: a command has its three streams, and no other descriptor") {
  const RunningAgent agent;
  // ls itself opens the directory, as 3.
  auto request = shell("");
  request.command = {"ls", "-U", "/proc/self/fd"};
  CHECK(run(agent, request).out == "0\n1\n2\n3\n");
}

// What may not be dumped belongs to root in /proc, whoever it runs as, and root alone may look.
TEST_CASE("exec: the agent is nobody's to trace or to look into") {
  const auto directory = *base::TempDir::create();
  base::SpawnOptions options;
  options.argv = {FCVM_TEST_AGENT, directory.path()};
  options.stderr_fd = base::kDevNull;
  if (::geteuid() == 0) {
    options.uid = 65534;
    options.gid = 65534;
    REQUIRE(::chown(directory.path().c_str(), 65534, 65534) == 0);
  }
  const auto agent = base::spawn(options);
  REQUIRE(agent);
  const std::string last = directory.path() + "/" + std::to_string(wire::kForwardPort);
  for (int i = 0; i < 1000 && ::access(last.c_str(), F_OK) != 0; ++i) ::usleep(5000);
  struct stat status {};
  const std::string environ = "/proc/" + std::to_string(agent->pid()) + "/environ";
  REQUIRE(::stat(environ.c_str(), &status) == 0);
  CHECK(status.st_uid == 0);
}

TEST_CASE("exec: hosts of other versions are understood, or told to update") {
  const RunningAgent agent;
  for (const auto recorded : {kHelloOfFirst, kHelloOfNewer}) {
    Connection connection = agent.dial_silently(wire::kExecPort);
    connection.send(from_hex(recorded));
    static_cast<void>(connection.expect<wire::Hello>());
    connection.say(shell("exit 5"));
    static_cast<void>(connection.expect<wire::ExecAck>());
    connection.say(wire::ExecGo{"test"});
    CHECK(finish(connection).code == 5);
  }
  for (const auto recorded : {kHelloOfOlder, kHelloOfMuchNewer}) {
    Connection connection = agent.dial_silently(wire::kExecPort);
    connection.send(from_hex(recorded));
    connection.say(shell("exit 5"));
    static_cast<void>(connection.expect<wire::Hello>());
    const auto refusal = connection.expect<wire::Refusal>();
    CHECK(refusal.code == EPROTONOSUPPORT);
    CHECK(refusal.message.find("versions") != std::string::npos);
    CHECK_FALSE(connection.next());
  }
}

TEST_CASE("exec: a copy instead of a command, both ways") {
  FCVM_SKIP_IF(::geteuid() != 0, "needs root, who owns what is copied");
  const RunningAgent agent;
  const auto directory = *base::TempDir::create();
  wire::ExecRequest request;
  request.id = "test";
  request.place = wire::ExecPlace::kGuest;
  request.copy = {wire::CopyDirection::kOut, "/etc/hostname", "called", false, false};
  auto out = begin(agent, request);
  const auto packed = finish(out);
  CHECK(packed.code == 0);
  CHECK(packed.out.find("called") != std::string::npos);
  request.copy = {wire::CopyDirection::kIn, directory.path() + "/put", "called", false, true};
  request.interactive = true;
  auto in = begin(agent, request);
  in.say_raw(wire::kExecStdin, packed.out);
  in.say(wire::ExecStdinEnd{});
  CHECK(finish(in).code == 0);
  CHECK(*base::read_file(directory.path() + "/put") == *base::read_file("/etc/hostname"));
  request.copy = {wire::CopyDirection::kOut, "/no/such/file", "called", false, false};
  request.interactive = false;
  auto none = begin(agent, request);
  const auto failed = finish(none);
  CHECK(failed.code == 1);
  CHECK(failed.err.find("/no/such/file") != std::string::npos);
}

TEST_CASE("exec: there is no container before one was started") {
  const RunningAgent agent;
  Connection connection = agent.dial(wire::kExecPort);
  auto request = shell("true");
  request.place = wire::ExecPlace::kContainer;
  connection.say(request);
  CHECK(connection.expect<wire::ExecFailed>().code == 125);
}

TEST_CASE("exec: a background child that holds the pipe does not hold the exit") {
  const RunningAgent agent;
  const auto begun = Clock::now();
  const auto outcome = run(agent, shell("sleep 20 & echo done"));
  CHECK(outcome.out == "done\n");
  CHECK(outcome.code == 0);
  CHECK(Clock::now() - begun < std::chrono::seconds(10));
}

TEST_CASE("exec: stdin arrives with its end, larger than the credit") {
  const RunningAgent agent;
  auto request = shell("wc -c");
  request.interactive = true;
  Connection connection = agent.dial(wire::kExecPort);
  connection.say(request);
  std::uint64_t credit = connection.expect<wire::ExecAck>().stdin_credit;
  connection.say(wire::ExecGo{request.id});
  for (std::uint64_t left = 3'000'000; left > 0;) {
    if (credit == 0) credit += connection.expect<wire::ExecCredit>().bytes;
    const std::uint64_t now = std::min({left, credit, std::uint64_t{50'000}});
    connection.say_raw(wire::kExecStdin, std::string(now, 'x'));
    credit -= now;
    left -= now;
  }
  connection.say(wire::ExecStdinEnd{});
  CHECK(finish(connection).out == "3000000\n");
}

TEST_CASE("exec: more stdin than credit ends the stream") {
  const RunningAgent agent;
  auto request = shell("sleep 20");
  request.interactive = true;
  Connection connection = begin(agent, request);
  for (int i = 0; i < 6; ++i) connection.say_raw(wire::kExecStdin, std::string(64 << 10, 'x'));
  // What fitted into the pipe was credited before.
  auto frame = connection.next();
  while (frame && frame->type == wire::ExecCredit::kType) frame = connection.next();
  REQUIRE(frame);
  CHECK(wire::decode<wire::Refusal>(frame->view())->code == EPROTO);
}

TEST_CASE("exec: a signal reaches the command") {
  const RunningAgent agent;
  Connection connection = begin(agent, shell("trap 'echo got; exit 5' USR1; echo ready; "
                                             "while :; do sleep 0.05; done"));
  CHECK(connection.next()->payload == "ready\n");
  connection.say(wire::ExecSignal{SIGUSR1});
  const auto outcome = finish(connection);
  CHECK(outcome.out == "got\n");
  CHECK(outcome.code == 5);
}

TEST_CASE("exec: a terminal has a size, changes it, and interrupts") {
  FCVM_SKIP_IF(::geteuid() != 0, "an agent that is not root opens no terminal");
  const RunningAgent agent;
  auto request = shell(
      "stty size; trap 'stty size; exit 9' WINCH; echo ready; "
      "while :; do sleep 0.05; done");
  request.tty = true;
  request.interactive = true;
  request.rows = 11;
  request.columns = 22;
  Connection connection = begin(agent, request);
  std::string seen;
  while (seen.find("ready") == std::string::npos) seen += connection.next()->payload;
  CHECK(seen.find("11 22") != std::string::npos);
  connection.say(wire::Resize{33, 44});
  const auto outcome = finish(connection);
  CHECK(outcome.out.find("33 44") != std::string::npos);
  CHECK(outcome.code == 9);

  // No shell here: one that is about to fork may keep the interrupt to itself.
  request.command = {"cat"};
  Connection cat = begin(agent, request);
  cat.say_raw(wire::kExecStdin, "x\n");
  for (seen.clear(); seen != "x\r\nx\r\n";) seen += cat.next()->payload;
  cat.say_raw(wire::kExecStdin, "\x03");
  CHECK(finish(cat).code == 130);
}

TEST_CASE("exec: a terminal shows everything before its exit") {
  FCVM_SKIP_IF(::geteuid() != 0, "an agent that is not root opens no terminal");
  const RunningAgent agent;
  auto request = shell("i=0; while [ $i -lt 500 ]; do echo line $i; i=$((i+1)); done");
  request.tty = true;
  for (int round = 0; round < 5; ++round) {
    const auto outcome = run(agent, request);
    CHECK(outcome.out.find("line 499\r\n") != std::string::npos);
  }
}

TEST_CASE("exec: 64 at once, each with its own bytes") {
  const RunningAgent agent;
  std::vector<Connection> connections;
  for (int i = 0; i < 64; ++i) {
    auto request = shell("head -c 1000000 /dev/zero | tr '\\0' \"$1\"; exit $2");
    request.command.insert(request.command.end(),
                           {"sh", std::string(1, static_cast<char>('0' + i)), std::to_string(i)});
    connections.push_back(begin(agent, request));
  }
  for (int i = 0; i < 64; ++i) {
    const auto outcome = finish(connections[static_cast<std::size_t>(i)]);
    CHECK(outcome.out == std::string(1'000'000, static_cast<char>('0' + i)));
    CHECK(outcome.code == i);
  }
}

TEST_CASE("exec: nothing runs before go") {
  const RunningAgent agent;
  const auto directory = *base::TempDir::create();
  const auto request = shell("touch " + directory.path() + "/ran");
  {
    Connection connection = agent.dial(wire::kExecPort);
    connection.say(request);
    static_cast<void>(connection.expect<wire::ExecAck>());
  }
  ::usleep(200'000);
  CHECK(::access((directory.path() + "/ran").c_str(), F_OK) != 0);
  CHECK(run(agent, request).code == 0);
  CHECK(::access((directory.path() + "/ran").c_str(), F_OK) == 0);
}

// The shell says "Hangup" of its killed sleep, which must not kill it by SIGPIPE before its trap.
TEST_CASE("exec: a stream that breaks hangs its command up") {
  const RunningAgent agent;
  const auto directory = *base::TempDir::create();
  {
    Connection connection = begin(agent, shell("exec 2>/dev/null; trap 'touch " + directory.path() +
                                               "/hup; exit' HUP; echo ready; "
                                               "while :; do sleep 0.05; done"));
    CHECK(connection.next()->payload == "ready\n");
  }
  for (int i = 0; i < 200 && ::access((directory.path() + "/hup").c_str(), F_OK) != 0; ++i) {
    ::usleep(20'000);
  }
  CHECK(::access((directory.path() + "/hup").c_str(), F_OK) == 0);
  CHECK(run(agent, shell("echo alive")).out == "alive\n");
}

TEST_CASE("exec: malformed frames end their stream, and no other") {
  const RunningAgent agent;
  for (const std::string& garbage :
       {std::string("\xff\xff\xff\xff\xff\xff\xff\xff", 8), std::string(64, '\0'),
        wire::encode(wire::ExecGo{"early"}), std::string("\4\0\0\0\x43\0\0\0", 8)}) {
    Connection connection = agent.dial(wire::kExecPort);
    connection.send(garbage);
    while (const auto frame = connection.next()) CHECK(frame->type != wire::ExecExit::kType);
  }
  Connection future = agent.dial_silently(wire::kExecPort);
  future.say(wire::Hello{wire::kNewestVersion + 1, wire::kNewestVersion + 2, "future", "", {}});
  static_cast<void>(future.expect<wire::Hello>());
  CHECK(future.expect<wire::Refusal>().code == EPROTONOSUPPORT);
  CHECK(run(agent, shell("echo alive")).out == "alive\n");
}

TEST_CASE("exec: handshakes are quick", "[.][bench]") {
  const RunningAgent agent;
  const auto begun = Clock::now();
  for (int i = 0; i < 200; ++i) {
    Connection connection = agent.dial(wire::kExecPort);
    connection.say(shell("true"));
    static_cast<void>(connection.expect<wire::ExecAck>());
  }
  const std::chrono::duration<double, std::micro> each = (Clock::now() - begun) / 200;
  WARN("handshake " << each.count() << " us");
  const auto flood = Clock::now();
  Connection connection = begin(agent, shell("head -c 2147483648 /dev/zero"));
  std::size_t total = 0;
  while (const auto frame = connection.next()) total += frame->payload.size();
  const std::chrono::duration<double> took = Clock::now() - flood;
  WARN("stdout " << static_cast<double>(total) / 1e9 / took.count() << " GB/s");
}

}  // namespace
}  // namespace fcvm::tests
