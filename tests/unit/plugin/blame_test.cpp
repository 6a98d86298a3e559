// A process that a plugin ends: what it says, and with which code.
#include "core/plugin/blame.hpp"

#include <csignal>
#include <cstdlib>
#include <functional>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "core/base/io/fd.hpp"
#include "core/base/io/pipe.hpp"
#include "tests/support/must.hpp"

namespace fcvm::plugin {
namespace {

using test::Contains;

constexpr int kExitCode = 125;

struct Ended {
  int status = 0;
  std::string said;
  std::string last_words;
};

/// What becomes of a process that blames plugins and then does this.
Ended end_of(const std::function<void()>& does) {
  base::Pipe errors = must(base::Pipe::create());
  base::Pipe words = must(base::Pipe::create());
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::dup2(errors.write_end.get(), STDERR_FILENO);
    // The test program has handlers of its own.
    for (const int number : {SIGSEGV, SIGABRT, SIGFPE, SIGILL}) ::signal(number, SIG_DFL);
    blame_plugins(kExitCode);
    set_last_words(words.write_end.get());
    does();
    ::_exit(0);
  }
  errors.write_end.reset();
  words.write_end.reset();
  Ended ended;
  ended.said = must(base::read_all(errors.read_end.get(), 1 << 20));
  ended.last_words = must(base::read_all(words.read_end.get(), 1 << 20));
  REQUIRE(::waitpid(child, &ended.status, 0) == child);
  return ended;
}

const std::string kPlugin = "net.crash";

// A sanitizer reports crashes itself.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

/// Deeper and deeper, until the stack is used up.
int descend(volatile int* from, int depth) {
  volatile int here[1024] = {depth, *from};
  return depth < 0 ? 0 : descend(here, depth + 1) + here[1];
}

TEST_CASE("a plugin that crashes is named, with its verb") {
  const Ended ended = end_of([] {
    const VerbScope scope(kPlugin, "attach");
    ::raise(SIGSEGV);
  });
  CHECK(WEXITSTATUS(ended.status) == kExitCode);
  CHECK_THAT(ended.said, Contains("plugin net.crash crashed (SIGSEGV) in \"attach\""));
  CHECK_THAT(ended.said, Contains("fcvm plugin check net.crash"));
  CHECK_THAT(ended.last_words, Contains("fplugin net.crash crashed"));
}

TEST_CASE("so is one on another thread, that aborts, or that uses up its stack") {
  const Ended aborted = end_of([] {
    std::thread([] {
      const VerbScope scope(kPlugin, "detach");
      std::abort();
    }).join();
  });
  CHECK(WEXITSTATUS(aborted.status) == kExitCode);
  CHECK_THAT(aborted.said, Contains("aborted (SIGABRT) in \"detach\""));
  const Ended overflowed = end_of([] {
    std::thread([] {
      const VerbScope scope(kPlugin, "dial");
      volatile int start = 0;
      descend(&start, 1);
    }).join();
  });
  CHECK(WEXITSTATUS(overflowed.status) == kExitCode);
  CHECK_THAT(overflowed.said, Contains("crashed (SIGSEGV) in \"dial\""));
}

#endif

TEST_CASE("a plugin that calls exit() does not choose fcvm's exit code") {
  const Ended ended = end_of([] {
    const VerbScope scope(kPlugin, "create");
    std::exit(3);
  });
  CHECK(WEXITSTATUS(ended.status) == kExitCode);
  CHECK_THAT(ended.said, Contains("plugin net.crash ended the process in \"create\""));
}

TEST_CASE("nobody is blamed outside of verbs") {
  const Ended left = end_of([] {
    { const VerbScope scope(kPlugin, "create"); }
    std::exit(4);
  });
  CHECK(WEXITSTATUS(left.status) == 4);
  CHECK(left.said.empty());
}

TEST_CASE("the verbs that run are known by name") {
  CHECK(verbs_under_way().empty());
  const VerbScope outer(kPlugin, "attach");
  {
    const VerbScope inner(kPlugin, "cancel");
    CHECK(verbs_under_way() == "attach of net.crash, cancel of net.crash");
  }
  CHECK(verbs_under_way() == "attach of net.crash");
}

}  // namespace
}  // namespace fcvm::plugin
