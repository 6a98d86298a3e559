#include "core/base/jail/jail_filter.hpp"

#include <atomic>
#include <cerrno>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "tests/support/catch.hpp"

namespace fcvm::base {
namespace {

bool is_refused() {
  errno = 0;
  return ::syscall(SYS_keyctl, 0, 0, 0, 0, 0) < 0 && errno == EPERM &&
         ::syscall(SYS_bpf, 0, nullptr, 0) < 0 && errno == EPERM;
}

/// 0: as it should be; else which step was not.
int confined_with_a_thread() {
  std::atomic<bool> go = false;
  std::atomic<int> in_thread = 3;
  std::thread before([&] {
    while (!go) std::this_thread::yield();
    if (is_refused() && ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1) in_thread = 0;
  });
  const bool done = leave_the_machine_alone().has_value();
  go = true;
  before.join();
  if (!done) return 1;
  if (!is_refused()) return 2;
  return in_thread;
}

TEST_CASE("no thread of a confined process may change the machine, those before included") {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) ::_exit(confined_with_a_thread());
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}

}  // namespace
}  // namespace fcvm::base
