// Plugins that are part of the test program, registered by their tables.
#pragma once

#include <stdexcept>
#include <string>

#include <fcvm/net.hpp>
#include <fcvm/readiness.hpp>

namespace fcvm::toys {

/// A network which does what its option says.
class Net : public NetPlugin {
 public:
  static constexpr Info kInfo{"net.toy", "1.2.3", "a network for tests", FCVM_NET_CAN_IPV6};
  struct Options {
    std::string mood = "good";
    std::chrono::nanoseconds patience = std::chrono::seconds(2);
    std::vector<std::string> friends;
    Bytes room{4096};
    bool loud = false;
    std::int64_t count = 3;
    static auto table() {
      return options(option("mood", &Options::mood, "how it behaves").choices("good|bad|throws"),
                     option("patience", &Options::patience, "how long it waits"),
                     option("friends", &Options::friends, "whom it knows"),
                     option("room", &Options::room, "how much it holds"),
                     option("loud", &Options::loud, "whether it shouts"),
                     option("count", &Options::count, "how many"));
    }
  };

  Net(Host host, Options options) : host_(host), options_(std::move(options)) {}

  Result<NetAttachment> attach(const fcvm_net_request& request, const Call&) {
    if (options_.mood == "bad") return fail(EACCES, "attaching: not today", "try tomorrow");
    if (options_.mood == "throws") throw std::runtime_error("thrown in a plugin");
    NetAttachment attachment;
    put_text(attachment.given.tap, "tap0");
    attachment.given.mtu = request.mtu == 0 ? 1500 : request.mtu;
    return attachment;
  }
  Result<Fd> dial(std::uint32_t, std::uint16_t, const Call& call) {
    FCVM_TRY(call.sleep(options_.patience));
    return fail(ECONNREFUSED, "nobody is there");
  }

 private:
  Host host_;
  Options options_;
};

/// A gate with a required option.
class Gate : public ReadinessPlugin {
 public:
  static constexpr Info kInfo{"readiness.toy", "1.0.0", "a gate for tests"};
  struct Options {
    std::string url;
    static auto table() { return options(option("url", &Options::url, "what to ask").required()); }
  };
  Gate(Host, Options) {}
  Result<void> wait(const fcvm_ready_target&, const Call& call) {
    return call.sleep(std::chrono::hours(1));
  }
};

template <typename Plugin>
const fcvm_plugin* table_of() {
  return sdk::CommonTable<Plugin, typename Plugin::Verbs>::table();
}

}  // namespace fcvm::toys
