#include "agent/container/conmon.hpp"

#include <chrono>
#include <memory>
#include <optional>

#include "core/base/deadline.hpp"
#include "core/base/io/file.hpp"
#include "core/base/io/temp_dir.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/must.hpp"

namespace fcvm::agent {
namespace {

using namespace std::chrono_literals;

/// A shell in conmon's place: descriptor 4 is where it reports, $EXITS where it says how it ended.
class Script : public PreparedStart {
 public:
  Script(std::string text, std::string exits) : text_(std::move(text)), exits_(std::move(exits)) {}

  std::vector<std::string> command() const override { return {"/bin/bash", "-c", text_}; }
  std::vector<std::string> environment() const override {
    return {"PATH=/usr/bin:/bin", "EXITS=" + exits_};
  }
  std::string exit_directory() const override { return exits_; }
  std::string id() const override { return "box"; }
  std::string console_socket() const override { return {}; }
  Result<void> start(pid_t pid, pid_t /*conmon*/) override {
    started = pid;
    if (refuses) return fail(EIO, "refusing as asked to");
    return {};
  }
  void take_back() override { ++taken_back; }

  bool refuses = false;
  pid_t started = -1;
  int taken_back = 0;

 private:
  std::string text_;
  std::string exits_;
};

struct Scene {
  base::TempDir directory = must(base::TempDir::create());
  std::unique_ptr<Loop> loop = must(Loop::create());
  Script* script = nullptr;
  std::unique_ptr<Conmon> conmon{};
  std::optional<pid_t> started{};
  std::optional<std::string> failed{};
  std::optional<ChildEnd> ended{};

  explicit Scene(const std::string& text) {
    auto made = std::make_unique<Script>(text, directory.path());
    script = made.get();
    conmon = std::make_unique<Conmon>(
        *loop, std::move(made),
        Conmon::Callbacks{[this](pid_t pid, Process& process) {
                            started = pid;
                            CHECK(process.stdout_fd.valid());
                          },
                          [this](const Error& why) { failed = why.message(); },
                          [this](ChildEnd how) { ended = how; }});
  }
  void run() {
    must(conmon->start({}));
    const auto limit = base::Deadline::in(60s);
    while (!ended && !failed && !limit.expired()) must(loop->step(limit));
  }
};

/// A container, and the report of it; its end, and the file about it.
const std::string kMade = "sleep 60 & echo '{\"data\": '$!'}' >&4; ";
const std::string kEnded = "kill $!; echo -n 7 >$EXITS/.new; mv $EXITS/.new $EXITS/box; ";

TEST_CASE("a container is let go once it exists, and its end is what conmon writes") {
  Scene scene(kMade + "sleep 0.1; " + kEnded + "exec sleep 1");
  scene.run();
  CHECK(scene.script->started > 0);
  CHECK(scene.started == scene.script->started);
  REQUIRE(scene.ended);
  CHECK(scene.ended->code == 7);
  CHECK_FALSE(scene.failed);
  CHECK(scene.script->taken_back == 0);
}

TEST_CASE("an end that comes with conmon's own is no other one") {
  Scene scene(kMade + kEnded + "exit 1");
  scene.run();
  REQUIRE(scene.ended);
  CHECK(scene.ended->code == 7);
}

TEST_CASE("a conmon that is killed ends the container") {
  Scene scene(kMade + "kill $!; kill -9 $$");
  scene.run();
  REQUIRE(scene.ended);
  CHECK(scene.ended->signal == 9);
}

TEST_CASE("a container that crun cannot make leaves nothing") {
  Scene scene("echo '{\"data\": -1, \"message\": \"no such program\"}' >&4; exec sleep 60");
  scene.run();
  REQUIRE(scene.failed);
  CHECK(scene.failed->find("no such program") != std::string::npos);
  CHECK(scene.script->taken_back == 1);
  CHECK_FALSE(scene.started);
}

TEST_CASE("neither does a conmon that says nothing sensible, or does not start") {
  const std::string text = GENERATE("exit 3", "echo nonsense >&4; exec sleep 60",
                                    "echo '{\"data\": \"x\"}' >&4; exec sleep 60");
  Scene scene(text);
  scene.run();
  CHECK(scene.failed);
  CHECK(scene.script->taken_back == 1);
}

TEST_CASE("nor one that podman cannot be told of") {
  Scene scene(kMade + "exec sleep 60");
  scene.script->refuses = true;
  scene.run();
  REQUIRE(scene.failed);
  CHECK(scene.failed->find("refusing") != std::string::npos);
  CHECK(scene.script->taken_back == 1);
  CHECK_FALSE(scene.started);
}

}  // namespace
}  // namespace fcvm::agent
