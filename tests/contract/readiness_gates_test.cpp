// The shipped readiness plugins, each asked as the host asks it, in a VM whose guest is fc-agent as
// a process of this machine. It has no network: vm/readiness_test has servers for readiness.http.
#include "core/plugin/instance.hpp"
#include "core/vm/client/guest_service.hpp"
#include "core/vm/model/time_text.hpp"
#include "core/wire/ports.hpp"
#include "tests/contract/supervised.hpp"
#include "tests/support/catch.hpp"

namespace fcvm::vm {
namespace {

[[maybe_unused]] const auto kAgentFirst = guest_program = {FCVM_TEST_AGENT, "."};

constexpr plugin::VerbRule kWait{"wait", plugin::Threads::kWorker};
using Options = std::vector<std::pair<std::string, std::string>>;

/// A VM whose container runs `script`, to which gates are put.
struct Waited {
  explicit Waited(const std::string& script) : supervised(script) {
    service.emplace(supervised.store(), supervised.started().id, true);
    for (const char* name : {"vsock", "http", "log", "exec"}) {
      const auto file = std::string(FCVM_TEST_PLUGINS "/readiness.") + name + ".so";
      gates.emplace(name, must(plugin::Object::from_path(file)));
    }
  }
  ~Waited() {
    service.reset();
    (void)supervised.ask(ask::Kill{SIGKILL});
    CHECK(supervised.ended());
  }

  Result<std::unique_ptr<plugin::Instance<fcvm_readiness_v1>>> gate(const std::string& name,
                                                                    const Options& options) {
    const auto& object = gates.at(name);
    const auto descriptor = must(plugin::describe(object.table()));
    const auto settings = FCVM_TRY(plugin::Settings::from_values(descriptor.options, options));
    return plugin::Instance<fcvm_readiness_v1>::create(object, descriptor.id, settings,
                                                       {.guest = &*service});
  }
  Result<void> ask(const std::string& name, const Options& options,
                   std::chrono::milliseconds within = kPatience) {
    const auto made = FCVM_TRY(gate(name, options));
    auto target = sized<fcvm_ready_target>();
    target.vm_id = target.container = "box";
    return made->call(kWait, made->verbs().wait, &target, base::Deadline::in(within).as_ns());
  }

  Supervised supervised;
  std::optional<GuestService> service;
  std::map<std::string, plugin::Object> gates;
};

TEST_CASE("readiness.vsock passes when the agent answers, or a port is open") {
  Waited box("exec sleep 600");
  must(box.ask("vsock", {}));
  must(box.ask("vsock", {{"port", std::to_string(wire::kForwardPort)}}));
  const auto closed = box.ask("vsock", {{"port", "9"}}, 300ms);
  REQUIRE_FALSE(closed);
  CHECK(closed.error().code() == ETIMEDOUT);
  CHECK_THAT(closed.error().message(), test::Contains("has to listen on the guest port 9"));
  CHECK(box.ask("vsock", {{"port", "-1"}}).error().code() == EINVAL);
}

TEST_CASE("readiness.http refuses what it could not ask") {
  Waited box("exec sleep 600");
  const std::string url = "http://localhost:9/";
  CHECK(box.ask("http", {{"url", "https://x/"}}).error().code() == EINVAL);
  CHECK(box.ask("http", {{"url", url}, {"body", "("}}).error().code() == EINVAL);
  CHECK(box.ask("http", {{"url", url}, {"header", "a\r\nb: c"}}).error().code() == EINVAL);
}

TEST_CASE("readiness.log finds a line of any bytes, said already or to come") {
  Waited box(
      "printf 'first \\000\\377 line\\n'; echo problem >&2; sleep 1; echo listening on 80; "
      "exec sleep 600");
  must(box.ask("log", {{"pattern", "listening on \\d+$"}}));
  must(box.ask("log", {{"pattern", "^first \\x00\\xff"}}));
  must(box.ask("log", {{"pattern", "problem"}, {"stream", "stderr"}}));
  const auto other = box.ask("log", {{"pattern", "problem"}, {"stream", "stdout"}}, 300ms);
  REQUIRE_FALSE(other);
  CHECK(other.error().code() == ETIMEDOUT);
  CHECK_THAT(other.error().message(), test::Contains("the last: listening on 80"));
  CHECK(box.ask("log", {{"pattern", "("}}).error().code() == EINVAL);
}

TEST_CASE("readiness.exec passes when its command exits with 0") {
  Waited box("exec sleep 600");
  // It sees no file of this test's, but the same clock.
  const auto later = std::to_string(now_ns() / 1'000'000'000 + 1);
  must(box.ask("exec", {{"command", "test $(date +%s) -ge " + later}, {"in", "guest"}}));
  const auto failed =
      box.ask("exec", {{"command", "echo no luck >&2; exit 7"}, {"in", "guest"}}, 5s);
  REQUIRE_FALSE(failed);
  CHECK_THAT(failed.error().message(), test::Contains("seen last: exit code 7: no luck"));
  const auto slow = box.ask(
      "exec", {{"command", "[\"/bin/sleep\", \"4712\"]"}, {"in", "guest"}, {"timeout", "100ms"}},
      5s);
  CHECK_THAT(slow.error().message(), test::Contains("it did not end in time"));
}

TEST_CASE("a gate that hangs ends soon after a cancel") {
  Waited box("exec sleep 600");
  for (const auto& [name, options] : std::vector<std::pair<std::string, Options>>{
           {"vsock", {{"port", "9"}}},
           {"http", {{"url", "http://localhost:9/"}, {"timeout", "1h"}}},
           {"log", {{"pattern", "never"}}},
           {"exec", {{"command", "sleep 4713"}, {"in", "guest"}, {"timeout", "1h"}}}}) {
    INFO(name);
    const auto gate = must(box.gate(name, options));
    std::atomic<bool> returned = false;
    std::thread canceller([&] {
      std::this_thread::sleep_for(300ms);
      while (!returned) {
        gate->cancel();
        std::this_thread::sleep_for(10ms);
      }
    });
    auto target = sized<fcvm_ready_target>();
    const auto before = std::chrono::steady_clock::now();
    const auto done = gate->call(kWait, gate->verbs().wait, &target, FCVM_NO_DEADLINE);
    returned = true;
    canceller.join();
    REQUIRE_FALSE(done);
    CHECK(done.error().code() == ECANCELED);
    CHECK(std::chrono::steady_clock::now() - before < 30s);
  }
}

}  // namespace
}  // namespace fcvm::vm
