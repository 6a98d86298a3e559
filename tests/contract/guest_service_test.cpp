// guest/1 as a plugin has it: through the C tables, over a supervisor with fc-agent for its guest.
#include "core/vm/client/guest_service.hpp"

#include <fcvm/sdk/host.hpp>

#include "core/base/io/poll.hpp"
#include "core/plugin/host_table.hpp"
#include "core/wire/ports.hpp"
#include "tests/contract/supervised.hpp"
#include "tests/support/catch.hpp"

namespace fcvm::vm {
namespace {

const std::vector<std::string> kAgent = {FCVM_TEST_AGENT, "."};
[[maybe_unused]] const auto& kDefaultProgram = guest_program = kAgent;

/// A VM whose container runs `script`, and the host of a plugin in it.
struct Box {
  explicit Box(const std::string& script, bool keeps_log = true) : supervised(script) {
    service.emplace(supervised.store(), supervised.started().id, keeps_log);
    table.emplace("readiness.test", plugin::Services{.guest = &*service});
  }
  ~Box() {
    service.reset();
    (void)supervised.ask(ask::Kill{SIGKILL});
    CHECK(supervised.ended());
  }
  [[nodiscard]] Host host() const { return Host(table->get()); }

  Supervised supervised;
  std::optional<GuestService> service;
  std::optional<plugin::HostTable> table;
  CancelSource cancel;
  Call call{cancel, base::Deadline::in(kPatience).as_ns()};
};

Host::Exec in_guest(std::vector<std::string> words) {
  Host::Exec exec;
  exec.arguments = std::move(words);
  exec.flags = 0;
  return exec;
}

TEST_CASE("a plugin runs commands in the guest, with input, variables and both outputs apart") {
  Box box("sleep 600");
  auto exec = in_guest({"/bin/sh", "-c", "cat; echo $MODE >&2; exit 3"});
  exec.environment = {"MODE=loud"};
  exec.input = std::string(200'000, 'x') + "\n";
  const auto done = must(box.host().exec(exec, box.call));
  CHECK(done.exit_code == 3);
  CHECK(done.output == std::string(Host::kMostOutput, 'x'));
  CHECK(done.cut);
  CHECK(done.errors == "loud\n");
  const auto missing = box.host().exec(in_guest({"/no/such/program"}), box.call);
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code() == ENOENT);
  CHECK(missing.error().message().find("/no/such/program") != std::string::npos);
}

TEST_CASE("a command that is cancelled, or too slow, is killed in the guest") {
  Box box("sleep 600");
  CancelSource soon;
  const Call short_call(soon, base::Deadline::in(300ms).as_ns());
  CHECK(box.host().exec(in_guest({"/bin/sleep", "4711"}), short_call).error().code() == ETIMEDOUT);
  std::thread canceller([&] {
    std::this_thread::sleep_for(200ms);
    box.table->calls().cancel();
  });
  const auto before = std::chrono::steady_clock::now();
  CHECK(box.host().exec(in_guest({"/bin/sleep", "4711"}), box.call).error().code() == ECANCELED);
  CHECK(std::chrono::steady_clock::now() - before < 30s);
  canceller.join();
  // The agent has ended them: nothing of that name is left.
  const auto left = must(box.host().exec(
      in_guest({"/bin/sh", "-c",
                "for i in $(seq 100); do pgrep -f 'sleep 471[1]' >/dev/null || exit 0; sleep 0.1; "
                "done; exit 1"}),
      box.call));
  CHECK(left.exit_code == 0);
}

TEST_CASE("a plugin dials ports of the guest, and hears when nobody listens") {
  Box box("sleep 600");
  const Fd agent = must(box.host().dial_guest(wire::kExecPort, box.call));
  CHECK((::fcntl(agent.get(), F_GETFL) & O_NONBLOCK) == 0);
  CHECK((::fcntl(agent.get(), F_GETFD) & FD_CLOEXEC) != 0);
  CHECK_FALSE(box.host().dial_guest(9, box.call, 300ms));
}

TEST_CASE("a plugin hears what the container said already, and what comes") {
  Box box("echo first; echo wrong >&2; printf 'no\\000end'; while sleep 0.2; do echo again; done");
  std::mutex mutex;
  std::string heard;
  bool goes_on = false;
  const auto has = [&](std::string_view text) {
    const std::lock_guard lock(mutex);
    return heard.find(text) != std::string::npos;
  };
  {
    const auto lines = must(box.host().subscribe(FCVM_OUTPUT_STDOUT, [&](const fcvm_line& line) {
      const std::lock_guard lock(mutex);
      heard.append(line.bytes, line.length) += '|';
      goes_on = goes_on || (line.flags & FCVM_LINE_GOES_ON) != 0;
    }));
    for (int i = 0; i < 600 && !has("again|again|"); ++i) std::this_thread::sleep_for(50ms);
  }
  CHECK(has("first|"));
  CHECK(has(std::string_view("no\0endagain|", 12)));
  CHECK_FALSE(has("wrong"));
  const auto size = heard.size();  // nobody writes any more
  std::this_thread::sleep_for(300ms);
  CHECK(heard.size() == size);
}

TEST_CASE("output that is kept nowhere cannot be subscribed to") {
  Box box("sleep 600", false);
  const auto refused = box.host().subscribe(FCVM_OUTPUT_STDOUT, [](const auto&) {});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == ENOTSUP);
  CHECK(box.host().subscribe(99, [](const auto&) {}).error().code() == EINVAL);
}

}  // namespace
}  // namespace fcvm::vm
