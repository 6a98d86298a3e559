#include "core/base/net/address.hpp"

#include <netinet/in.h>

#include "tests/unit/base/support.hpp"

namespace fcvm::base {
namespace {

TEST_CASE("addresses are read with their prefix, and nonsense is not") {
  const IpPrefix v4 = must(IpPrefix::parse("10.0.2.100/24"));
  CHECK(v4.address.family == AF_INET);
  CHECK(v4.address.raw() == std::string("\x0a\0\2\x64", 4));
  CHECK(v4.length == 24);
  CHECK(v4.to_string() == "10.0.2.100/24");
  CHECK(v4.network().to_string() == "10.0.2.0/24");
  const IpPrefix v6 = must(IpPrefix::parse("FD00::2"));
  CHECK(v6.length == 128);
  CHECK(v6.to_string() == "fd00::2/128");
  for (const char* wrong : {"", "10.0.2", "10.0.2.1/33", "10.0.2.1/", "::1/129", "1::g",
                            "1.2.3.4/x", "1.2.3.4/-1", "1.2.3.4 ", "01.2.3.4", "1.2.3.4/24/5"}) {
    CHECK_FALSE(IpPrefix::parse(wrong));
  }
  CHECK_FALSE(IpAddress::parse("10.0.2.1/24"));
}

TEST_CASE("a prefix contains its own addresses and no others") {
  const auto contains = [](const char* prefix, const char* address) {
    return must(IpPrefix::parse(prefix)).contains(must(IpAddress::parse(address)));
  };
  CHECK(contains("10.0.2.0/24", "10.0.2.255"));
  CHECK_FALSE(contains("10.0.2.0/24", "10.0.3.0"));
  CHECK(contains("172.30.1.4/30", "172.30.1.7"));
  CHECK_FALSE(contains("172.30.1.4/30", "172.30.1.8"));
  CHECK(contains("0.0.0.0/0", "255.255.255.255"));
  CHECK(contains("2001:db8::/65", "2001:db8::7fff:ffff:ffff:ffff"));
  CHECK_FALSE(contains("2001:db8::/65", "2001:db8::8000:0:0:0"));
  CHECK_FALSE(contains("::/0", "1.2.3.4"));
}

TEST_CASE("kinds of addresses are told apart") {
  const auto address = [](const char* text) { return must(IpAddress::parse(text)); };
  CHECK(address("127.9.9.9").is_loopback());
  CHECK(address("::1").is_loopback());
  CHECK_FALSE(address("::2").is_loopback());
  CHECK(address("febf::1").is_link_local());
  CHECK(address("169.254.1.1").is_link_local());
  CHECK_FALSE(address("fd00::1").is_link_local());
  sockaddr_storage raw;
  CHECK(address("::1").to_sockaddr(80, raw) == sizeof(sockaddr_in6));
  CHECK(raw.ss_family == AF_INET6);
  CHECK(address("127.0.0.1").to_sockaddr(80, raw) == sizeof(sockaddr_in));
  CHECK(raw.ss_family == AF_INET);
}

TEST_CASE("MACs are read and written, and random ones may be used") {
  const MacAddress mac = must(MacAddress::parse("52:54:00:AB:cd:0e"));
  CHECK(mac.to_string() == "52:54:00:ab:cd:0e");
  for (const char* wrong : {"", "52:54:00:ab:cd", "52:54:00:ab:cd:0e:11", "52-54-00-ab-cd-0e",
                            "52:54:00:ab:cd:0g", "5254:00:ab:cd:0e0", "52:54:00:ab:cd:+e"}) {
    CHECK_FALSE(MacAddress::parse(wrong));
  }
  CHECK_FALSE(MacAddress{}.is_unicast());
  CHECK_FALSE(must(MacAddress::parse("01:00:5e:00:00:01")).is_unicast());
  const MacAddress made = must(MacAddress::random());
  CHECK(made.is_unicast());
  CHECK((made.bytes[0] & 2) != 0);
  CHECK_FALSE(made == must(MacAddress::random()));
}

}  // namespace
}  // namespace fcvm::base
