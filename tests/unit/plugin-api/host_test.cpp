// The host's services as the SDK shows them, on hosts that have them and on hosts that do not.
#include <fcvm/sdk/host.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/fake_host.hpp"

namespace fcvm {
namespace {

struct Verb {
  CancelSource source;
  Call call{source, monotonic_now() + 10'000'000'000};
};

void copes_without_services(const fcvm_host* raw) {
  const Host host(raw);
  const Verb verb;
  host.info("heard by nobody");
  CHECK(host.spawn({"true"}).error().code() == ENOTSUP);
  CHECK(host.exec({.arguments = {"true"}}, verb.call).error().code() == ENOTSUP);
  CHECK(host.dial_guest(1, verb.call).error().code() == ENOTSUP);
  CHECK(host.dial_guest_tcp(1, verb.call).error().code() == ENOTSUP);
  CHECK(host.subscribe(FCVM_OUTPUT_CONSOLE, {}).error().code() == ENOTSUP);
  CHECK(host.remember("key", "value"));
  CHECK(host.forget("key"));
  CHECK(host.remembered()->empty());
  auto progress = host.progress("fetching", 10, "bytes");
  progress.update(5);
}

TEST_CASE("a host without services, without a service function or without a table is coped with") {
  test::FakeHost host;
  host.missing = {"log/1", "process/1", "guest/1", "state/1", "progress/1"};
  copes_without_services(host.raw());
  host.raw()->service = nullptr;
  copes_without_services(host.raw());
  copes_without_services(nullptr);
}

TEST_CASE("a service table of an older host lacks its newer functions") {
  static fcvm_guest_v1 old = sized<fcvm_guest_v1>();
  old.size = offsetof(fcvm_guest_v1, exec);  // only dial and dial_tcp
  auto raw = sized<fcvm_host>();
  raw.service = [](const fcvm_host*, const char*) -> const void* { return &old; };
  const Verb verb;
  CHECK(Host(&raw).exec({.arguments = {"true"}}, verb.call).error().code() == ENOTSUP);
  CHECK(Host(&raw).dial_guest(1, verb.call).error().code() == ENOTSUP);
}

TEST_CASE("capture returns what a program wrote") {
  test::FakeHost fake;
  const Host host(fake.raw());
  const Verb verb;
  CHECK(*host.capture({"printf", "one\\ntwo"}, verb.call) == "one\ntwo");
  CHECK(host.capture({"false"}, verb.call).error().message() == "false: exit status 1");
  CHECK(host.capture({"sh", "-c", "kill -9 $$"}, verb.call).error().message() ==
        "sh: ended by signal 9");
  CHECK(host.capture({"/does/not/exist"}, verb.call).error().code() == ENOENT);
  CHECK(host.capture({}, verb.call).error().code() == EINVAL);
}

TEST_CASE("capture ends at the deadline and leaves no child") {
  test::FakeHost fake;
  CancelSource source;
  const Call call(source, monotonic_now() + 50'000'000);
  CHECK(Host(fake.raw()).capture({"sleep", "60"}, call).error().code() == ETIMEDOUT);
  CHECK(::waitpid(-1, nullptr, WNOHANG) == -1);
  CHECK(errno == ECHILD);
}

TEST_CASE("a process is signalled, waited for and reaped") {
  test::FakeHost fake;
  const Verb verb;
  auto child = *Host(fake.raw()).spawn({"sleep", "60"});
  CHECK(child.status().running == 1);
  CHECK(child.signal(SIGTERM));
  CHECK(child.wait(verb.call)->exit_signal == SIGTERM);
  child.stop(std::chrono::nanoseconds(0));
  CHECK_FALSE(child);
  CHECK(child.signal(SIGTERM).error().code() == ESRCH);
  CHECK(child.wait(verb.call).error().code() == ESRCH);
  CHECK(child.status().running == 0);
}

TEST_CASE("exec hands over the words and returns status and output") {
  test::FakeHost fake;
  fake.on_exec = [](test::FakeHost::Exec& exec) {
    CHECK(exec.flags == FCVM_EXEC_IN_CONTAINER);
    CHECK(exec.arguments == std::vector<std::string>{"echo", "hello"});
    exec.output = "hello\n";
    exec.errors = std::string(100'000, 'e');
    exec.exit_code = 3;
    return 0;
  };
  const Verb verb;
  const auto done = *Host(fake.raw()).exec({.arguments = {"echo", "hello"}}, verb.call);
  CHECK(done.exit_code == 3);
  CHECK(done.output == "hello\n");
  CHECK(done.errors == std::string(Host::kMostOutput, 'e'));
  CHECK(done.cut);
}

TEST_CASE("build hands over the command and the disks, and returns what the VM said") {
  test::FakeHost fake;
  const Fd here(::open(".", O_PATH | O_DIRECTORY | O_CLOEXEC));
  fake.on_build = [&](test::FakeHost::Build& build) {
    CHECK(build.arguments == std::vector<std::string>{"unpack", "/dev/disk/by-id/virtio-image"});
    CHECK(build.disks == std::vector<std::string>{"image image.tar 1", "store store.img 0"});
    CHECK(build.directory == here.get());
    build.output = "unpacked\n";
    return 0;
  };
  const Verb verb;
  Host::Build build;
  build.arguments = {"unpack", "/dev/disk/by-id/virtio-image"};
  build.disks = {{"image", "image.tar", FCVM_DISK_READ_ONLY}, {"store", "store.img"}};
  build.directory = here.get();
  const auto done = Host(fake.raw()).build(build, verb.call);
  REQUIRE(done);
  CHECK(done->exit_code == 0);
  CHECK(done->output == "unpacked\n");
  fake.missing = {"builder/1"};
  CHECK(Host(fake.raw()).build(build, verb.call).error().code() == ENOTSUP);
}

TEST_CASE("a subscription hears what was said, and survives being moved") {
  test::FakeHost fake;
  fake.console = {"booting", "ready"};
  std::vector<std::string> heard;
  auto first = *Host(fake.raw()).subscribe(FCVM_OUTPUT_CONSOLE, [&](const fcvm_line& line) {
    heard.emplace_back(line.bytes, line.length);
  });
  const auto moved = std::move(first);
  CHECK(heard == std::vector<std::string>{"booting", "ready"});
}

TEST_CASE("records come back in order, with their values whole") {
  test::FakeHost fake;
  const Host host(fake.raw());
  CHECK(host.remember("veth", "a\tb"));
  CHECK(host.remember("table", ""));
  const auto records = *host.remembered();
  REQUIRE(records.size() == 2);
  CHECK(records[0] == std::pair<std::string, std::string>{"veth", "a\tb"});
  CHECK(records[1].first == "table");
}

}  // namespace
}  // namespace fcvm
