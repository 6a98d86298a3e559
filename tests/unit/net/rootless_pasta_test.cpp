// pasta's command line, for old and new ones.
#include <algorithm>

#include <fcvm/sdk/sized.hpp>

#include "plugins/net/rootless/pasta.hpp"
#include "tests/support/catch.hpp"

namespace fcvm::rootless {
namespace {

using Words = std::vector<std::string>;

const char* const kOldHelp =
    "  -e, --stderr\t\tLog to stderr too\n  --dns-forward ADDR \tForward DNS queries sent to ADDR\n"
    "  --no-map-gw\t\tDon't map gateway address to host\n";
const char* const kNewHelp =
    "  --dns-forward ADDR\tForward DNS queries sent to ADDR\n"
    "  --dns-host ADDR\tHost nameserver to direct queries to\n  --no-map-gw\t\tDon't map\n";

Plan plan_for(std::uint32_t flags, bool ipv6 = true) {
  auto request = sized<fcvm_net_request>();
  request.flags = flags;
  HostNetwork host;
  host.has_ipv6 = ipv6;
  return *make_plan(request, host, true);
}

Words command(const char* help, const Plan& plan, bool as_root = false) {
  return pasta_command("pasta", PastaOffer(help), plan, 123, as_root);
}

bool has(const Words& words, const Words& part) {
  return std::search(words.begin(), words.end(), part.begin(), part.end()) != words.end();
}

TEST_CASE("a pasta that repeats answers is told by its date") {
  for (const char* old : {"pasta unknown version", "pasta 2024_09_06.6b38f07",
                          "pasta 0.0~git20240906.6b38f07-1", "pasta 2025_03_19.1"}) {
    CHECK(fault_of_pasta(old).find(old) == 0);
  }
  for (const char* mended : {"pasta 2025_03_20.32f6212", "pasta 0.0~git20250503.587980c-2",
                             "pasta 2026_01_17.81c97f6", ""}) {
    CHECK(fault_of_pasta(mended).empty());
  }
}

TEST_CASE("what a pasta offers is told by whole words of its help") {
  CHECK(PastaOffer(kOldHelp).has("--stderr"));
  CHECK_FALSE(PastaOffer(kNewHelp).has("--stderr"));
  CHECK_FALSE(PastaOffer(kOldHelp).has("--dns"));
  CHECK_FALSE(PastaOffer(kOldHelp).forwards_tcp_dns());
  CHECK(PastaOffer(kNewHelp).forwards_tcp_dns());
  CHECK_FALSE(PastaOffer("").has("--stderr"));
  CHECK(PastaOffer("--stderr").has("--stderr"));
}

TEST_CASE("pasta joins the holder, in the foreground, and configures nothing") {
  const Words words = command(kNewHelp, plan_for(FCVM_NET_WANT_IPV6));
  CHECK(words.back() == "123");
  CHECK(has(words, {"--foreground"}));
  CHECK(has(words, {"--ns-ifname", "pasta0"}));
  CHECK(has(words, {"-a", "10.0.2.100", "-n", "255.255.255.0", "-g", "10.0.2.2"}));
  CHECK(has(words, {"-a", "fd00::100", "-g", "fd00::2"}));
  CHECK(has(words, {"--dns-forward", "10.0.2.3"}));
  CHECK(has(words, {"-t", "none", "-u", "none", "-T", "none", "-U", "none"}));
  CHECK(has(words, {"--no-dhcp"}));
  for (const char* absent :
       {"--config-net", "--stderr", "--runas", "--no-map-gw", "--ipv4-only", "--interface"}) {
    CHECK_FALSE(has(words, {absent}));
  }
}

TEST_CASE("options come with the version, the user and the host") {
  CHECK(has(command(kOldHelp, plan_for(0)), {"--stderr"}));
  CHECK(has(command(kNewHelp, plan_for(0), true), {"--runas", "0:0"}));
  CHECK(has(command(kNewHelp, plan_for(FCVM_NET_NO_HOST_LOOPBACK)), {"--no-map-gw"}));
  auto one_port = sized<fcvm_net_opening>();
  one_port.what = FCVM_OPEN_HOST_LOOPBACK;
  one_port.first_port = 80;
  const fcvm_net_opening* const openings[] = {&one_port};
  auto request = sized<fcvm_net_request>();
  request.flags = FCVM_NET_NO_HOST_LOOPBACK;
  request.openings = openings;
  request.opening_count = 1;
  const Plan narrow = *make_plan(request, HostNetwork(), true);
  CHECK_FALSE(has(command(kNewHelp, narrow), {"--no-map-gw"}));
  CHECK(narrow.names_gateway);
  const Words v4 = command(kNewHelp, plan_for(FCVM_NET_WANT_IPV6, false));
  CHECK(has(v4, {"--ipv4-only"}));
  CHECK_FALSE(has(v4, {"fd00::100"}));
  Plan offline = plan_for(0);
  offline.host.template_link = "lo";
  CHECK(has(command(kNewHelp, offline), {"--interface", "lo"}));
}

}  // namespace
}  // namespace fcvm::rootless
