#include "core/plugin/checks.hpp"

#include <thread>

#include "tests/support/catch.hpp"

namespace fcvm::plugin {
namespace {

#if FCVM_CHECKED

struct Violations {
  std::vector<std::string> messages;
  Violations() {
    set_violation_handler([this](const std::string& message) { messages.push_back(message); });
  }
};

TEST_CASE("a verb in the wrong state or during another names the host") {
  Violations violations;
  VerbChecks checks("net.toy");
  const VerbRule attach{"attach", Threads::kWorker, 1u << 0, 1};
  const VerbRule dial{"dial", Threads::kAny, 1u << 1};
  checks.enter(dial);
  REQUIRE(violations.messages.size() == 1);
  CHECK(violations.messages[0] ==
        "the host called `dial` of net.toy in state 0, where it is not allowed; the host is at "
        "fault");
  checks.enter(attach);
  checks.enter(attach);
  REQUIRE(violations.messages.size() == 2);
  CHECK(violations.messages[1].find("while `attach` was under way") != std::string::npos);
  checks.leave(attach, true);
  checks.enter(dial);
  CHECK(violations.messages.size() == 2);
}

TEST_CASE("blocking calls on the control thread name the guilty side") {
  Violations violations;
  std::thread([] {
    this_is_the_control_thread();
    VerbChecks("net.toy").enter({"attach"});
    check_service_thread("net.toy", "process/1 wait");
  }).join();
  REQUIRE(violations.messages.size() == 2);
  CHECK(violations.messages[0].find("the host is at fault") != std::string::npos);
  CHECK(violations.messages[1].find("the plugin is at fault") != std::string::npos);
}

#else

TEST_CASE("a build without checks lets everything pass") {
  VerbChecks checks("net.toy");
  checks.enter({"attach", Threads::kWorker, 0});
  SUCCEED();
}

#endif

}  // namespace
}  // namespace fcvm::plugin
