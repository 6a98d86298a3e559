#include "core/cli/network_options.hpp"

#include <algorithm>
#include <cstdlib>

#include "core/vm/network_plan.hpp"
#include "tests/support/catch.hpp"

namespace fcvm::cli {
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
}  // namespace fcvm::cli
