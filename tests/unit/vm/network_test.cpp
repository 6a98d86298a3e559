// What a net plugin is asked for and what a guest is told, without a network.
#include "core/vm/supervisor/network.hpp"

#include <sys/socket.h>
#include <thread>

#include <fcvm/net.hpp>

#include "core/base/io/pipe.hpp"
#include "core/base/io/socket_pair.hpp"
#include "core/vm/client/byte_pump.hpp"
#include "core/vm/model/proxies.hpp"
#include "core/vm/supervisor/guest_network.hpp"
#include "tests/unit/vm/support.hpp"

namespace fcvm::vm {
namespace {

/// What it was asked, as text.
std::vector<std::string>& asked() {
  static std::vector<std::string> words;
  return words;
}
bool& broken() {
  static bool is_broken = false;
  return is_broken;
}

bool& silent() {
  static bool is_silent = false;
  return is_silent;
}

std::string text(const fcvm_publish& port) {
  return std::string(port.address == nullptr ? "-" : port.address) + " " +
         std::to_string(port.protocol) + " " + std::to_string(port.host_port) + " " +
         std::to_string(port.guest_port) + " " + std::to_string(port.count);
}

/// At an address and, where none was wished for, at a port of its own.
Published taken(const fcvm_publish& wish) {
  return {wish.protocol, wish.address == nullptr ? "127.20.0.1" : wish.address,
          wish.host_port == 0 ? std::uint16_t{40000} : wish.host_port, wish.guest_port, wish.count};
}

class Recorder : public NetPlugin {
 public:
  static constexpr Info kInfo{"net.recorder", "1.0.0", "writes down what it is asked"};

  Result<NetAttachment> attach(const fcvm_net_request& request, const Call&) {
    asked().push_back(std::string("attach ") + request.vm_id + " " +
                      (request.mac == nullptr ? "-" : request.mac) + " " +
                      std::to_string(request.mtu) + " " + std::to_string(request.flags));
    if (request.rate_in != 0) asked().push_back("rate " + std::to_string(request.rate_in));
    for (const auto& open : sized_elements(request.openings, request.opening_count)) {
      asked().push_back("open " + std::to_string(open.what) + " " + std::to_string(open.protocol) +
                        " " + std::to_string(open.first_port) + " " + std::to_string(open.count) +
                        (open.address == nullptr ? "" : std::string(" ") + open.address));
    }
    for (std::uint32_t i = 0; i < request.dns_count; ++i) asked().emplace_back(request.dns[i]);
    for (const auto& port : sized_elements(request.publish, request.publish_count)) {
      asked().push_back(text(port));
    }
    NetAttachment made;
    put_text(made.given.tap, "tap7");
    put_text(made.given.host_gateway, "10.0.2.2");
    made.dns = {"10.0.2.3"};
    put_text(made.given.host_address, "127.20.0.1");
    for (const auto& port : sized_elements(request.publish, request.publish_count)) {
      if (!silent()) made.published.push_back(taken(port));
    }
    return made;
  }
  Result<void> detach(const Call&) {
    asked().push_back("detach");
    return {};
  }
  Result<Fd> dial(std::uint32_t protocol, std::uint16_t port, const Call&) {
    asked().push_back("dial " + std::to_string(protocol) + " " + std::to_string(port));
    return fail(ECONNREFUSED, "nobody is there");
  }
  Result<Published> publish(const fcvm_publish& port, const Call&) {
    asked().push_back("publish " + text(port));
    if (port.host_port == 8081 && port.address != nullptr) return fail(EADDRINUSE, "it is taken");
    return taken(port);
  }
  Result<void> unpublish(const fcvm_publish& port, const Call&) {
    asked().push_back("unpublish " + text(port));
    return {};
  }
  Result<NetHealth> health() {
    if (broken()) return fail(ENETDOWN, "the helper ended");
    return NetHealth{42};
  }
};

std::unique_ptr<Network> recorder() {
  auto object =
      must(plugin::Object::from_table(sdk::CommonTable<Recorder, Recorder::Verbs>::table()));
  return std::make_unique<Network>(must(plugin::Instance<fcvm_net_v1>::create(
      std::move(object), "net.recorder", plugin::Settings(), {})));
}

TEST_CASE("a network plugin is asked for what was planned") {
  asked().clear();
  broken() = false;
  const auto network = recorder();
  NetworkPlan plan;
  plan.mac = "52:54:00:00:00:01";
  plan.mtu = 1400;
  plan.host_loopback.ports = {{80, 1, Protocol::kTcp}};
  plan.host_addresses.ports = {{8000, 10, {}}};
  plan.link_local = true;
  plan.proxy_endpoints = {{"", 3128}, {"192.0.2.9", 80}};
  plan.rate_in = 1000;
  plan.dns = {"1.1.1.1", "::1"};
  plan.publish = {{"", 8080, 80, Protocol::kTcp}, {"::1", 53, 5353, Protocol::kUdp, 3}};
  REQUIRE(network->attach(plan, "0123456789ab", base::Deadline::never()));
  CHECK(asked() == std::vector<std::string>{"attach 0123456789ab 52:54:00:00:00:01 1400 11",
                                            "rate 1000", "open 1 6 80 1", "open 2 0 8000 10",
                                            "open 1 6 3128 1", "open 3 6 80 1 192.0.2.9", "1.1.1.1",
                                            "::1", "- 6 8080 80 1", "::1 17 53 5353 3"});
  CHECK(network->attachment().tap == "tap7");
  CHECK(network->attachment().dns == std::vector<std::string>{"10.0.2.3"});
  CHECK_FALSE(network->attachment().net_namespace);
  CHECK(network->attachment().published ==
        std::vector<PublishedPort>{{"127.20.0.1", 8080, 80}, {"::1", 53, 5353, Protocol::kUdp, 3}});

  asked().clear();
  CHECK(must(network->publish({"", 0, 2, Protocol::kUdp}, base::Deadline::never())) ==
        std::vector<PublishedPort>{{"127.20.0.1", 40000, 2, Protocol::kUdp}});
  REQUIRE(network->add_ports({{"", 0, 3}}, base::Deadline::never()));
  CHECK(network->attachment().published.back() == PublishedPort{"127.20.0.1", 40000, 3});
  REQUIRE(network->unpublish({"", 1, 2, Protocol::kUdp}, base::Deadline::never()));
  CHECK(network->dial(FCVM_PROTO_TCP, 80, base::Deadline::never()).error().code() == ECONNREFUSED);
  CHECK(must(network->health()) == 42);
  broken() = true;
  CHECK(network->health().error().message().find("the helper ended") != std::string::npos);
  REQUIRE(network->detach(base::Deadline::never()));
  REQUIRE(network->detach(base::Deadline::never()));
  CHECK(asked() == std::vector<std::string>{"publish - 17 0 2 1", "publish - 6 0 3 1",
                                            "unpublish - 17 1 2 1",
                                            "dial 6 80", "detach", "detach"});
}

TEST_CASE("a port without an address is published at another one, too, if it is free there") {
  asked().clear();
  broken() = silent() = false;
  const auto network = recorder();
  NetworkPlan plan;
  plan.publish_address = "127.0.0.1";
  plan.publish = {{"", 8080, 80}, {"", 8081, 81}, {"", 8082, 82}, {"127.0.0.1", 8082, 82}};
  REQUIRE(network->attach(plan, "0123456789ab", base::Deadline::never()));
  CHECK(network->attachment().published ==
        std::vector<PublishedPort>{{"127.20.0.1", 8080, 80},
                                   {"127.20.0.1", 8081, 81},
                                   {"127.20.0.1", 8082, 82},
                                   {"127.0.0.1", 8082, 82},
                                   {"127.0.0.1", 8080, 80}});
  CHECK(must(network->publish({"", 8083, 83}, base::Deadline::never())) ==
        std::vector<PublishedPort>{{"127.20.0.1", 8083, 83}, {"127.0.0.1", 8083, 83}});
  CHECK(must(network->publish({"::1", 8084, 84}, base::Deadline::never())) ==
        std::vector<PublishedPort>{{"::1", 8084, 84}});
  REQUIRE(network->detach(base::Deadline::never()));
}

TEST_CASE("ports that a network does not report are as they were wished, where that says all") {
  silent() = true;
  NetworkPlan plan;
  plan.publish = {{"", 8080, 80}, {"::1", 53, 5353, Protocol::kUdp, 3}};
  const auto network = recorder();
  REQUIRE(network->attach(plan, "0123456789ab", base::Deadline::never()));
  CHECK(network->attachment().published ==
        std::vector<PublishedPort>{{"127.20.0.1", 8080, 80}, {"::1", 53, 5353, Protocol::kUdp, 3}});
  plan.publish.push_back({"", 0, 81});
  const auto lost = recorder()->attach(plan, "0123456789ab", base::Deadline::never());
  silent() = false;
  REQUIRE_FALSE(lost);
  CHECK(lost.error().code() == EPROTO);
  CHECK(lost.error().message().find("81/tcp") != std::string::npos);
}

TEST_CASE("a free port is chosen after those that were named") {
  asked().clear();
  NetworkPlan plan;
  plan.publish = {{"", 0, 80}, {"", 40000, 81}};
  REQUIRE(recorder()->attach(plan, "0123456789ab", base::Deadline::never()));
  CHECK(std::vector<std::string>(asked().end() - 2, asked().end()) ==
        std::vector<std::string>{"- 6 40000 81 1", "- 6 0 80 1"});
}

TEST_CASE("what is open is said as the options say it") {
  NetworkPlan plan;
  CHECK(plan.opened().empty());
  plan.host_loopback.all = true;
  plan.host_addresses.ports = {{80, 1, Protocol::kTcp}, {8000, 10, {}}};
  plan.link_local = true;
  CHECK(plan.opened() == std::vector<std::string>{"host-loopback=all",
                                                  "host-addresses=80/tcp,8000-8009", "link-local"});
}

TEST_CASE("proxies are found where they listen") {
  const auto found = proxy_endpoints({"http_proxy=http://127.0.0.1:3128", "no_proxy=127.0.0.1",
                                      "https_proxy=http://u:p@[::1]/", "ftp_proxy=10.0.0.5:21",
                                      "HTTP_PROXY=http://proxy.example:8080",
                                      "HTTPS_PROXY=https://[2001:db8::5]"});
  REQUIRE(found.size() == 4);
  CHECK((found[0].address.empty() && found[0].port == 3128));
  CHECK((found[1].address.empty() && found[1].port == 80));
  CHECK((found[2].address == "10.0.0.5" && found[2].port == 21));
  CHECK((found[3].address == "2001:db8::5" && found[3].port == 443));
}

TEST_CASE("a guest is told of its network") {
  NetworkPlan plan;
  plan.dns = {"9.9.9.9"};
  plan.dns_search = {"a.example"};
  plan.hosts = {{"10.1.1.1", "db"}, {kHostGateway, "outside"}};
  Attachment attachment;
  attachment.tap = "tap0";
  attachment.mac = "52:54:00:00:00:01";
  attachment.mtu = 1400;
  attachment.guest_ipv4 = "10.0.2.100/24";
  attachment.guest_ipv6 = "fd00::100/64";
  attachment.gateway_ipv4 = "10.0.2.2";
  attachment.host_gateway = "10.0.2.2";
  auto network = must(guest_network(plan, attachment));
  REQUIRE(network.interfaces.size() == 1);
  CHECK(network.interfaces[0].addresses ==
        std::vector<std::string>{"10.0.2.100/24", "fd00::100/64"});
  CHECK(network.interfaces[0].mtu == 1400);
  CHECK(network.dns == std::vector<std::string>{"9.9.9.9"});
  REQUIRE(network.hosts.size() == 3);
  CHECK(network.hosts[1].address == "10.0.2.2");
  CHECK(network.hosts[2].names.find("host.containers.internal") != std::string::npos);
  attachment.dns = {"10.0.2.3"};
  CHECK(must(guest_network(plan, attachment)).dns == attachment.dns);
  attachment.host_gateway.clear();
  CHECK(guest_network(plan, attachment).error().code() == ENETUNREACH);
  attachment.tap.clear();
  plan.hosts.pop_back();
  CHECK(must(guest_network(plan, attachment)).interfaces.empty());
}

TEST_CASE("proxies on the host's loopback are reached by its gateway") {
  std::vector<std::string> dropped;
  const std::vector<std::string> proxies = {"http_proxy=http://127.0.0.1:3128",
                                            "https_proxy=http://me:127.0.0.1@localhost/",
                                            "HTTP_PROXY=socks5://[::1]:1080/x",
                                            "ftp_proxy=127.5.5.5:21",
                                            "HTTPS_PROXY=http://proxy.example:80/127.0.0.1",
                                            "no_proxy=127.0.0.1,localhost"};
  CHECK(guest_proxies(proxies, "10.0.2.2", dropped) ==
        std::vector<std::string>{
            "http_proxy=http://10.0.2.2:3128", "https_proxy=http://me:127.0.0.1@10.0.2.2/",
            "HTTP_PROXY=socks5://10.0.2.2:1080/x", "ftp_proxy=10.0.2.2:21",
            "HTTPS_PROXY=http://proxy.example:80/127.0.0.1", "no_proxy=127.0.0.1,localhost"});
  CHECK(dropped.empty());
  CHECK(guest_proxies({"http_proxy=http://localhost:1"}, "fd00::2", dropped) ==
        std::vector<std::string>{"http_proxy=http://[fd00::2]:1"});
  CHECK(guest_proxies({"http_proxy=http://localhost:1", "https_proxy=http://10.9.9.9"}, "",
                      dropped) == std::vector<std::string>{"https_proxy=http://10.9.9.9"});
  CHECK(dropped == std::vector<std::string>{"http_proxy"});
}

/// Two ends of a pump that runs on a thread of its own.
struct Pumped {
  base::SocketPair left = must(base::SocketPair::create());
  base::SocketPair right = must(base::SocketPair::create());
  bool whole = false;
  std::thread thread;

  explicit Pumped(std::string early) {
    thread = std::thread([this, early = std::move(early)] {
      const auto loop = must(base::Loop::create());
      BytePump pump(*loop, std::move(left.second), std::move(right.second), early, [&](bool all) {
        whole = all;
        loop->stop();
      });
      pump.start();
      must(loop->run());
    });
  }
  bool finish() {
    thread.join();
    return whole;
  }
};

TEST_CASE("a pump moves bytes both ways, and each end by itself") {
  Pumped pumped("early ");
  const std::string much(3 << 20, 'm');
  bool written = false;
  std::thread writer([&] {
    written = base::write_all(pumped.left.first.get(), much).has_value();
    ::shutdown(pumped.left.first.get(), SHUT_WR);
  });
  CHECK(must(base::read_all(pumped.right.first.get(), 8 << 20)) == much);
  writer.join();
  CHECK(written);
  // Its other direction goes on after the first has ended.
  REQUIRE(base::write_all(pumped.right.first.get(), "answer"));
  ::shutdown(pumped.right.first.get(), SHUT_WR);
  CHECK(must(base::read_all(pumped.left.first.get(), 1 << 20)) == "early answer");
  CHECK(pumped.finish());
}

TEST_CASE("a pump ends when a side breaks") {
  Pumped broken("");
  broken.right.first = Fd();
  REQUIRE(base::write_all(broken.left.first.get(), "lost"));
  CHECK_FALSE(broken.finish());
}

}  // namespace
}  // namespace fcvm::vm
