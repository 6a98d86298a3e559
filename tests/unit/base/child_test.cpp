#include "core/base/process/child.hpp"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/process/process_id.hpp"
#include "tests/unit/base/support.hpp"

namespace fcvm::base {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// A child that has said it is ready, so that its traps are set.
Child ready_child(const std::string& script) {
  Pipe pipe = must(Pipe::create());
  SpawnOptions options = shell(script);
  options.stdout_fd = pipe.write_end.get();
  Child child = must(spawn(options));
  char ready[1];
  must(read_exact(pipe.read_end.get(), ready));
  return child;
}

TEST_CASE("a child's status is its code or its signal") {
  CHECK(must(must(spawn(shell("exit 3"))).wait()) == ExitStatus::exited(3));
  const ExitStatus killed = must(must(spawn(shell("kill -TERM $$"))).wait());
  CHECK(killed.signal() == SIGTERM);
  CHECK_FALSE(killed.code().has_value());
  CHECK(killed.describe() == "was killed by signal 15 (Terminated)");
  CHECK(ExitStatus::exited(3).describe() == "exited with 3");
}

TEST_CASE("waiting keeps to its deadline and the status is kept") {
  Child child = must(spawn(shell("exec sleep 100")));
  CHECK(child.wait(Deadline::in(milliseconds(30))).error().code() == ETIMEDOUT);
  CHECK_FALSE(must(child.try_wait()).has_value());
  must(child.signal(SIGKILL));
  CHECK(must(child.wait()).signal() == SIGKILL);
  CHECK(must(child.wait()).signal() == SIGKILL);
  CHECK(must(child.try_wait()).has_value());
  CHECK(child.signal(SIGTERM).error().code() == ESRCH);
}

TEST_CASE("stop asks first") {
  Child child = ready_child("trap 'exit 7' TERM; echo r; while :; do sleep 0.05; done");
  CHECK(must(child.stop(seconds(20))) == ExitStatus::exited(7));
  CHECK(must(child.stop(seconds(20))) == ExitStatus::exited(7));
}

TEST_CASE("stop kills who does not listen") {
  Child child = ready_child("trap '' TERM; echo r; while :; do sleep 0.05; done");
  CHECK(must(child.stop(milliseconds(100))).signal() == SIGKILL);
}

TEST_CASE("a child goes with its owner") {
  ProcessId id;
  {
    const Child child = must(spawn(shell("exec sleep 100")));
    id = must(identify(child.pid()));
    CHECK(id.alive());
  }
  CHECK_FALSE(id.alive());
  CHECK(identify(id.pid).error().code() == ESRCH);
}

TEST_CASE("a zombie is not alive") {
  Child child = must(spawn(shell("read line")));
  const ProcessId id = must(identify(child.pid()));
  must(child.signal(SIGKILL));
  siginfo_t info{};
  REQUIRE(::waitid(P_PID, static_cast<id_t>(child.pid()), &info, WEXITED | WNOWAIT) == 0);
  CHECK_FALSE(id.alive());
  CHECK(must(identify(child.pid())) == id);
}

TEST_CASE("a process is identified whatever it calls itself") {
  const ProcessId before = must(identify(::getpid()));
  char name[16] = {};
  ::prctl(PR_GET_NAME, name);
  ::prctl(PR_SET_NAME, "a) b (");
  const ProcessId renamed = must(identify(::getpid()));
  ::prctl(PR_SET_NAME, "x) Z 1 1 1 1");
  const bool alive = before.alive();
  ::prctl(PR_SET_NAME, name);
  CHECK(renamed == before);
  CHECK(alive);
  CHECK(before.start_time > 0);
  const ProcessId recycled{before.pid, before.start_time + 1};
  CHECK_FALSE(recycled.alive());
}

}  // namespace
}  // namespace fcvm::base
