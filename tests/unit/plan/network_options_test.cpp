#include "core/plan/network_options.hpp"

#include <algorithm>
#include <cstdlib>

#include "core/vm/model/network_plan.hpp"
#include "tests/support/catch.hpp"

namespace fcvm::plan {
namespace {

TEST_CASE("MAC addresses of one interface are taken, in small letters") {
  CHECK(*parse_mac("52:54:00:AA:bb:01") == "52:54:00:aa:bb:01");
  CHECK(*parse_mac("52-54-00-aa-bb-01") == "52:54:00:aa:bb:01");
  for (const char* bad : {"", "52:54:00:aa:bb", "52:54:00:aa:bb:0g", "52:54:00:aa:bb:01:02",
                          "01:00:5e:00:00:01", "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_mac(bad));
  }
}

TEST_CASE("a prefix is whole, and neither too short nor too long") {
  for (const char* good : {"2001:db8::/64", "2001:db8:1::/48", "fd00::ab00/120"}) {
    CAPTURE(good);
    CHECK(check_ipv6_prefix(good));
  }
  for (const char* bad : {"", "2001:db8::", "2001:db8::/", "2001:db8::/x", "2001:db8::/47",
                          "2001:db8::/121", "2001:db8::1/64", "10.0.0.0/24", "/64"}) {
    CAPTURE(bad);
    CHECK_FALSE(check_ipv6_prefix(bad));
  }
}

TEST_CASE("hosts are NAME:ADDRESS") {
  CHECK(parse_host("db:10.0.0.1")->address == "10.0.0.1");
  CHECK(parse_host("a;b.example:::1")->names == "a b.example");
  CHECK(parse_host("a:[::1]")->address == "::1");
  CHECK(parse_host("up:host-gateway")->address == vm::kHostGateway);
  for (const char* bad : {"", "db", "db:", ":1.2.3.4", "db:there", "d b:1.2.3.4", "a\nb:1.2.3.4"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_host(bad));
  }
}

TEST_CASE("ports of the host are opened one by one, in ranges, or all") {
  CHECK_FALSE(parse_host_access({})->any());
  CHECK(parse_host_access({"all"})->all);
  CHECK_FALSE(parse_host_access({"all", "none"})->any());
  CHECK(parse_host_access({"80", "all"})->ports.empty());
  const auto access = parse_host_access({"80,5000-5009/udp", "none", "443/tcp,8000-8001"});
  REQUIRE(access);
  REQUIRE(access->ports.size() == 2);
  CHECK((access->ports[0].first == 443 && access->ports[0].protocol == vm::Protocol::kTcp));
  CHECK((access->ports[1].first == 8000 && access->ports[1].count == 2));
  CHECK_FALSE(access->ports[1].protocol);
  for (const char* bad : {"0", "65536", "x", "80-", "-80", "90-80", "80/icmp", "80/", "All"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_host_access({bad}));
  }
}

TEST_CASE("rates are bits per second, for both ways or each") {
  const auto rate = [](const char* text) { return *parse_network_rate(text); };
  CHECK(rate("").in == 0);
  CHECK((rate("80M").in == 10'000'000 && rate("80M").out == 10'000'000));
  CHECK((rate("in=1G").in == 125'000'000 && rate("in=1G").out == 0));
  CHECK((rate("100M,out=800kbit").in == 12'500'000 && rate("100M,out=800kbit").out == 100'000));
  CHECK(rate("64000").in == 8'000);
  for (const char* bad : {"M", "1T", "-1M", "10MB", "in=", "up=1M", "1k", "99999999G"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_network_rate(bad));
  }
}

TEST_CASE("the last search line of resolv.conf counts") {
  CHECK(search_domains("# x\nnameserver 1.1.1.1\nsearch a.example b.example\n") ==
        std::vector<std::string>{"a.example", "b.example"});
  CHECK(search_domains("domain a.example\nsearch c.example .\n") ==
        std::vector<std::string>{"c.example"});
  CHECK(search_domains("nameserver 1.1.1.1").empty());
}

TEST_CASE("proxies are read in both spellings") {
  ::setenv("http_proxy", "http://a", 1);
  ::setenv("NO_PROXY", "b", 1);
  ::setenv("https_proxy", "", 1);
  const auto proxies = proxies_of_process();
  CHECK(std::find(proxies.begin(), proxies.end(), "http_proxy=http://a") != proxies.end());
  CHECK(std::find(proxies.begin(), proxies.end(), "NO_PROXY=b") != proxies.end());
  CHECK(std::find(proxies.begin(), proxies.end(), "https_proxy=") == proxies.end());
}

}  // namespace
}  // namespace fcvm::plan
