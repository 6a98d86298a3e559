#include "core/plugin/instance.hpp"

#include <chrono>
#include <thread>

#include "core/plugin/registry.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/plugin/toy_plugins.hpp"

namespace fcvm::plugin {
namespace {

using Net = Instance<fcvm_net_v1>;

Result<std::unique_ptr<Net>> make_net(
    const std::vector<std::pair<std::string, std::string>>& options = {}) {
  const Descriptor descriptor = FCVM_TRY(describe(*toys::table_of<toys::Net>()));
  const Settings settings = FCVM_TRY(Settings::from_values(descriptor.options, options));
  return Net::create(FCVM_TRY(Object::from_table(toys::table_of<toys::Net>())), "net.toy", settings,
                     {});
}

Result<fcvm_net_attachment> attach(Net& net) {
  auto request = sized<fcvm_net_request>();
  request.mtu = 9000;
  auto attachment = sized<fcvm_net_attachment>();
  const auto report = sized<fcvm_net_report>();
  FCVM_TRY(
      net.call({"attach"}, net.verbs().attach, &request, FCVM_NO_DEADLINE, &attachment, &report));
  return attachment;
}

TEST_CASE("a verb goes through the C tables and back") {
  const auto net = make_net();
  REQUIRE(net);
  const auto attachment = attach(**net);
  REQUIRE(attachment);
  CHECK(text_of(attachment->tap) == "tap0");
  CHECK(attachment->mtu == 9000);
}

TEST_CASE("an error arrives with its code, its remedy and the plugin's name") {
  const auto net = make_net({{"mood", "bad"}});
  REQUIRE(net);
  const auto attached = attach(**net);
  REQUIRE_FALSE(attached);
  CHECK(attached.error().code() == EACCES);
  CHECK(attached.error().message() == "net.toy: attaching: not today");
  CHECK(attached.error().remedy() == "try tomorrow");
}

TEST_CASE("an exception in a plugin is an error here") {
  const auto net = make_net({{"mood", "throws"}});
  REQUIRE(net);
  CHECK(attach(**net).error().message() == "net.toy: exception: thrown in a plugin");
}

TEST_CASE("a verb that the plugin does not have is refused by name") {
  const auto net = make_net();
  REQUIRE(net);
  CHECK((*net)->verbs().publish == nullptr);
  auto publish = sized<fcvm_publish>();
  const auto report = sized<fcvm_net_report>();
  const auto published =
      (*net)->call({"publish"}, (*net)->verbs().publish, &publish, FCVM_NO_DEADLINE, &report);
  CHECK(published.error().code() == ENOTSUP);
  CHECK(published.error().message() == "net.toy cannot publish");
}

TEST_CASE("cancel ends a blocking verb at once, a deadline at its time") {
  const auto net = make_net({{"patience", "60s"}});
  REQUIRE(net);
  const auto dial = [&](std::int64_t deadline) {
    std::int32_t fd = -1;
    return (*net)->call({"dial", Threads::kAny}, (*net)->verbs().dial, FCVM_PROTO_TCP,
                        std::uint16_t{80}, deadline, &fd);
  };
  const auto began = std::chrono::steady_clock::now();
  CHECK(dial(monotonic_now() + 30'000'000).error().code() == ETIMEDOUT);
  std::thread canceller([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    (*net)->cancel();
  });
  CHECK(dial(FCVM_NO_DEADLINE).error().code() == ECANCELED);
  canceller.join();
  CHECK(std::chrono::steady_clock::now() - began < std::chrono::seconds(10));
  (*net)->cancel();  // nothing runs: must not hit the next verb
  CHECK(attach(**net));
}

/// Numbers subscriptions, and notes those that end.
class Lines : public GuestService {
 public:
  Result<base::Fd> dial(std::uint32_t, const Call&) override { return fail(ENOTSUP, "no"); }
  Result<base::Fd> dial_tcp(std::uint16_t, const Call&) override { return fail(ENOTSUP, "no"); }
  Result<int> exec(const Exec&, const Call&, const OutputHandler&) override { return 0; }
  Result<std::uint64_t> subscribe(std::uint32_t, LineHandler) override { return ++last; }
  void unsubscribe(std::uint64_t subscription) override { ended.push_back(subscription); }

  std::uint64_t last = 0;
  std::vector<std::uint64_t> ended;
};

TEST_CASE("a subscription that a plugin forgets ends with its instance, and is nobody else's") {
  Lines lines;
  HostTable table("net.toy", {.guest = &lines});
  HostTable other("net.other", {.guest = &lines});
  const auto* guest =
      static_cast<const fcvm_guest_v1*>(table.get()->service(table.get(), "guest/1"));
  const auto line = [](void*, const fcvm_line*) {};
  std::uint64_t first = 0;
  std::uint64_t second = 0;
  auto error = sized<fcvm_error>();
  REQUIRE(guest->subscribe(table.get(), FCVM_OUTPUT_CONSOLE, line, nullptr, &first, &error) == 0);
  REQUIRE(guest->subscribe(table.get(), FCVM_OUTPUT_CONSOLE, line, nullptr, &second, &error) == 0);
  guest->unsubscribe(other.get(), first);
  CHECK(lines.ended.empty());
  guest->unsubscribe(table.get(), first);
  table.end_subscriptions();
  table.end_subscriptions();
  CHECK(lines.ended == std::vector<std::uint64_t>{first, second});
}

}  // namespace
}  // namespace fcvm::plugin
