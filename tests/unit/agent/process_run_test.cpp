#include "agent/process/process_run.hpp"

#include <csignal>
#include <cstring>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/process/enter/request.hpp"
#include "core/base/io/fd.hpp"
#include "core/base/io/socket_pair.hpp"
#include "tests/support/catch.hpp"

namespace fcvm::agent {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kShort{200};

struct Seen {
  bool started = false;
  std::optional<Error> failure;
  std::optional<ChildEnd> end;
  [[nodiscard]] bool over() const { return failure || end; }
};

ProcessRun::Callbacks note(Seen& seen) {
  return {[&] { seen.started = true; }, [&](const Error& why) { seen.failure = why; },
          [&](ChildEnd end) { seen.end = end; }};
}

template <typename Done>
void turn_until(Loop& loop, const Done& done) {
  bool late = false;
  const auto timer = loop.after(std::chrono::seconds(20), [&] { late = true; });
  while (!done() && !late) REQUIRE(loop.step());
  loop.cancel(timer);
  REQUIRE_FALSE(late);
}

ProcessOptions command(std::vector<std::string> words) {
  ProcessOptions options;
  options.command = std::move(words);
  options.environment = {"PATH=/usr/bin:/bin"};
  return options;
}

// A child that does as it is told where the real one would enter and execute.
template <typename Body>
Result<Launch> pretend(const Body& body) {
  auto link = FCVM_TRY(base::SocketPair::create(SOCK_SEQPACKET));
  const int yes = 1;
  ::setsockopt(link.first.get(), SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes);
  Launch launch;
  launch.process.pid = ::fork();
  if (launch.process.pid == 0) {
    link.first = base::Fd();
    body(link.second.get());
    ::_exit(7);
  }
  launch.link = std::move(link.first);
  return launch;
}

void tell(int link, enter::Step step, int error = 0) {
  const enter::Report report{step, error};
  if (::write(link, &report, sizeof report) < 0) ::_exit(99);
}

Result<Launch> stopped_by_the_container(const ProcessOptions&) {
  return pretend([](int) { ::raise(SIGSTOP); });
}

// As fc-enter has it: one process goes, a sister of it stays, and says so itself.
Result<Launch> joins_and_ends(const ProcessOptions&) {
  auto launch = pretend([](int link) {
    if (::fork() > 0) ::_exit(0);
    tell(link, enter::Step::kEntered);
  });
  if (launch) launch->joins = true;
  return launch;
}

Result<Launch> never_joins(const ProcessOptions&) {
  auto launch = pretend([](int) {});
  if (launch) launch->joins = true;
  return launch;
}

// What the container stops the moment it is born tells nothing itself.
Result<Launch> born_stopped(const ProcessOptions&) {
  auto launch = pretend([](int link) {
    const pid_t inside = ::fork();
    if (inside == 0) ::raise(SIGSTOP);
    tell(link, enter::Step::kForked, inside);
    ::_exit(0);
  });
  if (launch) launch->joins = true;
  return launch;
}

bool exists(pid_t pid) { return ::kill(pid, 0) == 0; }

TEST_CASE("a process is followed from its launch to its end") {
  const auto loop = *Loop::create();
  Seen seen;
  ProcessRun run(*loop);
  REQUIRE(run.begin(command({"sh", "-c", "exit 5"}), note(seen)));
  CHECK_FALSE(seen.started);  // never from within begin()
  turn_until(*loop, [&] { return seen.over(); });
  CHECK(seen.started);
  REQUIRE(seen.end);
  CHECK(seen.end->code == 5);
  CHECK(run.over());
}

TEST_CASE("a program that is not there is a failure, with its reason, and no end") {
  const auto loop = *Loop::create();
  Seen seen;
  ProcessRun run(*loop);
  REQUIRE(run.begin(command({"no-such-program"}), note(seen)));
  turn_until(*loop, [&] { return seen.over(); });
  CHECK_FALSE(seen.started);
  REQUIRE(seen.failure);
  CHECK(exit_code_of(*seen.failure) == 127);
  CHECK(seen.failure->message().find("no-such-program: executing it") != std::string::npos);
}

TEST_CASE("a command that is too long for the kernel is a failure that says so") {
  const auto loop = *Loop::create();
  Seen seen;
  ProcessRun run(*loop);
  REQUIRE(run.begin(command({"true", std::string(3 << 20, 'x')}), note(seen)));
  turn_until(*loop, [&] { return seen.over(); });
  REQUIRE(seen.failure);
  CHECK(seen.failure->code() == E2BIG);
}

TEST_CASE("a process that is stopped on its way is ended from outside, while the loop turns") {
  const auto loop = *Loop::create();
  Seen seen;
  ProcessRun run(*loop, stopped_by_the_container, kShort);
  REQUIRE(run.begin(command({"stuck"}), note(seen)));
  const pid_t pid = run.process().pid;
  bool turned = false;
  loop->after(kShort / 4, [&] { turned = !seen.over(); });
  turn_until(*loop, [&] { return seen.over(); });
  CHECK(turned);
  CHECK_FALSE(seen.started);
  REQUIRE(seen.failure);
  CHECK(seen.failure->code() == ETIMEDOUT);
  CHECK(exit_code_of(*seen.failure) == 125);
  turn_until(*loop, [&] { return !exists(pid); });  // and reaped
}

TEST_CASE("a signal ends a start at once, even of a process that is stopped") {
  const auto loop = *Loop::create();
  Seen seen;
  ProcessRun run(*loop, stopped_by_the_container);
  REQUIRE(run.begin(command({"stuck"}), note(seen)));
  const pid_t pid = run.process().pid;
  run.signal(SIGWINCH);
  run.signal(SIGTERM);
  turn_until(*loop, [&] { return seen.over() && !exists(pid); });
  REQUIRE(seen.end);
  CHECK(seen.end->signal == SIGTERM);
  CHECK(seen.end->code == 128 + SIGTERM);
}

TEST_CASE("who gives a start up ends it") {
  const auto loop = *Loop::create();
  Seen seen;
  pid_t pid = -1;
  {
    ProcessRun run(*loop, stopped_by_the_container);
    REQUIRE(run.begin(command({"stuck"}), note(seen)));
    pid = run.process().pid;
  }
  turn_until(*loop, [&] { return !exists(pid); });
  CHECK_FALSE(seen.over());
}

// The agent is a reaper: of any pid's end it hears, and of this one before of the pid itself.
TEST_CASE("the end of a process inside is not lost, however soon it comes") {
  REQUIRE(::prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
  const auto loop = *Loop::create();
  for (int round = 0; round < 50; ++round) {
    Seen seen;
    ProcessRun run(*loop, joins_and_ends);
    REQUIRE(run.begin(command({"inside"}), note(seen)));
    ::usleep(round % 5 * 1000);
    turn_until(*loop, [&] { return seen.over(); });
    REQUIRE(seen.end);
    CHECK(seen.end->code == 7);
  }
  ::prctl(PR_SET_CHILD_SUBREAPER, 0);
}

TEST_CASE("a process that is stopped the moment it is born is ended, too") {
  REQUIRE(::prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
  const auto loop = *Loop::create();
  Seen seen;
  ProcessRun run(*loop, born_stopped, kShort);
  REQUIRE(run.begin(command({"inside"}), note(seen)));
  pid_t pid = -1;
  const auto watch = [&] {
    if (run.process().pid > 0) pid = run.process().pid;
    return seen.over();
  };
  turn_until(*loop, watch);
  REQUIRE(seen.failure);
  CHECK(seen.failure->code() == ETIMEDOUT);
  REQUIRE(pid > 0);
  turn_until(*loop, [&] { return !exists(pid); });
  ::prctl(PR_SET_CHILD_SUBREAPER, 0);
}

TEST_CASE("a helper that ends without having entered is a failure") {
  const auto loop = *Loop::create();
  Seen seen;
  ProcessRun run(*loop, never_joins);
  REQUIRE(run.begin(command({"inside"}), note(seen)));
  turn_until(*loop, [&] { return seen.over(); });
  REQUIRE(seen.failure);
  CHECK(seen.failure->message().find("helper") != std::string::npos);
}

}  // namespace
}  // namespace fcvm::agent
