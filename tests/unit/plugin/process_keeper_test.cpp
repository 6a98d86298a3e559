#include "core/plugin/process_keeper.hpp"

#include <csignal>
#include <sys/resource.h>
#include <unistd.h>

#include <fcvm/sdk/host.hpp>

#include "core/base/io/pipe.hpp"
#include "core/base/process/process_id.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/plugin/ended_by.hpp"

namespace fcvm::plugin {
namespace {

using namespace std::chrono_literals;

struct Command {
  explicit Command(std::vector<const char*> words) : words_(std::move(words)) {
    words_.push_back(nullptr);
    spec.program = words_.front();
    spec.arguments = words_.data();
  }
  ProcessSpec spec;

 private:
  std::vector<const char*> words_;
};

TEST_CASE("a kept process runs, is waited for and reports how it ended") {
  ProcessKeeper keeper;
  auto pipe = base::Pipe::create();
  REQUIRE(pipe);
  Command command({"sh", "-c", "echo spoken; exit 7"});
  command.spec.to(pipe->write_end.get());
  const auto handle = keeper.spawn("test", command.spec);
  REQUIRE(handle);
  const auto ended = ended_by(keeper, *handle, 10s);
  REQUIRE(ended);
  CHECK(ended->exit_code == 7);
  CHECK(ended->running == 0);
  pipe->write_end.reset();
  CHECK(*base::read_all(pipe->read_end.get(), 100) == "spoken\n");
  keeper.release(*handle, 0ns);
  CHECK(keeper.status(*handle).error().code() == ESRCH);
}

TEST_CASE("a process has the limits that were asked for, as far as there are any") {
  ProcessKeeper keeper;
  auto pipe = base::Pipe::create();
  REQUIRE(pipe);
  Command command({"sh", "-c", "ulimit -c; ulimit -n"});
  const auto no_core = resource_limit(RLIMIT_CORE, 0);
  const auto files = resource_limit(RLIMIT_NOFILE, FCVM_LIMIT_INFINITY);
  const fcvm_resource_limit* const limits[] = {&no_core, &files};
  command.spec.limits = limits;
  command.spec.limit_count = 2;
  command.spec.to(pipe->write_end.get());
  const auto handle = keeper.spawn("test", command.spec);
  REQUIRE(handle);
  REQUIRE(ended_by(keeper, *handle, 10s));
  pipe->write_end.reset();
  rlimit now{};
  ::getrlimit(RLIMIT_NOFILE, &now);
  CHECK(*base::read_all(pipe->read_end.get(), 100) == "0\n" + std::to_string(now.rlim_max) + "\n");
}

TEST_CASE("a terminal's signals do not reach a process: it has a session of its own") {
  ProcessKeeper keeper;
  const auto handle = keeper.spawn("test", Command({"sleep", "600"}).spec);
  REQUIRE(handle);
  const pid_t pid = keeper.status(*handle)->pid;
  CHECK(::getsid(pid) == pid);
  CHECK(::getpgid(pid) == pid);
}

TEST_CASE("a deadline passes while a process runs, and release ends it") {
  ProcessKeeper keeper;
  const auto handle = keeper.spawn("test", Command({"sleep", "600"}).spec);
  REQUIRE(handle);
  CHECK(ended_by(keeper, *handle, 20ms).error().code() == ETIMEDOUT);
  const auto status = keeper.status(*handle);
  REQUIRE(status);
  CHECK(status->running == 1);
  const auto id = base::identify(status->pid);
  REQUIRE(id);
  keeper.release(*handle, 0ns);
  CHECK_FALSE(id->alive());
}

TEST_CASE("whatever was not released dies with the keeper") {
  std::optional<base::ProcessId> id;
  {
    ProcessKeeper keeper;
    const auto handle = keeper.spawn("test", Command({"sleep", "600"}).spec);
    REQUIRE(handle);
    id = *base::identify(keeper.status(*handle)->pid);
    CHECK(id->alive());
  }
  CHECK_FALSE(id->alive());
}

TEST_CASE("a program that does not exist is an error that names it") {
  ProcessKeeper keeper;
  const auto handle = keeper.spawn("test", Command({"no-such-program"}).spec);
  REQUIRE_FALSE(handle);
  CHECK(handle.error().code() == ENOENT);
  CHECK(handle.error().message().find("no-such-program") != std::string::npos);
}

TEST_CASE("a signal ends a process, and the status says which") {
  ProcessKeeper keeper;
  const auto handle = keeper.spawn("test", Command({"sleep", "600"}).spec);
  REQUIRE(handle);
  REQUIRE(keeper.signal(*handle, SIGTERM));
  const auto ended = ended_by(keeper, *handle, 10s);
  REQUIRE(ended);
  CHECK(ended->exit_signal == SIGTERM);
}

}  // namespace
}  // namespace fcvm::plugin
