// What is told of a container, of which a runtime writes the pid into a file.
#include "agent/container/container.hpp"

#include <chrono>
#include <csignal>
#include <optional>

#include "core/base/io/file.hpp"
#include "core/base/io/temp_dir.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/must.hpp"

namespace fcvm::agent {
namespace {

using namespace std::chrono_literals;

/// What a runner, a shell, does with $FILE for the file, and what came of it.
struct Scene {
  base::TempDir directory = must(base::TempDir::create());
  std::unique_ptr<Loop> loop = must(Loop::create());
  std::optional<pid_t> started{};
  std::optional<ChildEnd> ended{};
  std::unique_ptr<Container> container{};

  explicit Scene(const std::string& script) {
    container = std::make_unique<Container>(
        *loop, Container::Callbacks{[](Process&) {}, [](const Error& why) { FAIL(why.message()); },
                                    [this](pid_t pid) { started = pid; },
                                    [this](ChildEnd how) { ended = how; }});
    const std::string file = directory.path() + "/pids/pid";
    ProcessOptions options;
    options.command = {"/bin/bash", "-c", script};
    options.environment = {"PATH=/usr/bin:/bin", "FILE=" + file};
    must(container->start(options, file));
  }
  void run() {
    const auto limit = base::Deadline::in(60s);
    while (!ended && !limit.expired()) must(loop->step(limit));
    REQUIRE(ended);
  }
  [[nodiscard]] pid_t told_pid() const {
    return std::stoi(must(base::read_file(directory.path() + "/pids/pid")));
  }
};

/// Writes the pid, but not while it is still the shell's.
const std::string kOnceExecuted =
    "while grep -q bash /proc/$!/cmdline; do :; done; echo $! >$FILE; wait";

TEST_CASE("a container has started when its pid is a program's, and no runtime's") {
  Scene scene("(exec -a /usr/bin/crun sleep 0.5) & " + kOnceExecuted);
  const auto limit = base::Deadline::in(100ms);
  while (!limit.expired()) must(scene.loop->step(limit));
  CHECK_FALSE(scene.started);
  scene.run();

  Scene program("sleep 0.5 & echo $! >$FILE; wait; exit 3");
  program.run();
  REQUIRE(program.started);
  CHECK(*program.started == program.told_pid());
  CHECK(program.ended->code == 3);
  CHECK(program.container->was_seen());
}

TEST_CASE("a program without words has started as well, after a while") {
  Scene scene("(exec -a '' sleep 30) & " + kOnceExecuted);
  const auto limit = base::Deadline::in(60s);
  while (!scene.started && !scene.ended && !limit.expired()) must(scene.loop->step(limit));
  CHECK(scene.started);
  CHECK_FALSE(scene.ended);
  ::kill(scene.told_pid(), SIGKILL);
}

TEST_CASE("one that ends before it is noticed has started, unless its code may be the runtime's") {
  for (const int code : {0, 1, 124, 128, 137}) {
    Scene scene("echo 999999999 >$FILE; exit " + std::to_string(code));
    scene.run();
    CHECK(scene.started);
  }
  for (const int code : {125, 126, 127}) {
    Scene scene("echo 999999999 >$FILE; exit " + std::to_string(code));
    scene.run();
    CHECK_FALSE(scene.started);
    CHECK_FALSE(scene.container->was_seen());
    CHECK(scene.ended->code == code);
  }
  Scene unknown("exit 1");
  unknown.run();
  CHECK_FALSE(unknown.started);
}

}  // namespace
}  // namespace fcvm::agent
