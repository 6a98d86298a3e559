#include "core/vm/model/port.hpp"

#include <map>
#include <unistd.h>

#include "core/vm/client/port_forward.hpp"
#include "core/vm/store/port_owner.hpp"
#include "tests/unit/vm/support.hpp"

namespace fcvm::vm {
namespace {

std::string round_trip(const std::string& text) { return to_text(must(parse_publish(text))); }
std::string mistake(const std::string& text) {
  const auto parsed = parse_publish(text);
  return parsed ? "none" : parsed.error().message();
}
std::string overlap(const std::vector<std::string>& items) {
  const auto parsed = parse_publish_list(items);
  return parsed ? "none" : parsed.error().message();
}

TEST_CASE("published ports are read in every form") {
  CHECK(round_trip("8080:80") == "8080:80/tcp");
  CHECK(round_trip("53:53/udp") == "53:53/udp");
  CHECK(round_trip("127.0.0.1:8080:80") == "127.0.0.1:8080:80/tcp");
  CHECK(round_trip("[::1]:8080:80") == "[::1]:8080:80/tcp");
  CHECK(round_trip("[0:0::1]:8080:80") == "[::1]:8080:80/tcp");
  CHECK(round_trip("[fe80::1]:1-65535:1-65535/udp") == "[fe80::1]:1-65535:1-65535/udp");
  const auto range = must(parse_publish("0.0.0.0:8000-8009:80-89"));
  CHECK(range == PublishedPort{"0.0.0.0", 8000, 80, Protocol::kTcp, 10});
  CHECK(must(parse_publish_list({"1:1,2:2/udp", "3:3"})).size() == 3);
}

TEST_CASE("without a port of the host any free one is wished for") {
  CHECK(must(parse_publish("80")) == PublishedPort{"", 0, 80});
  CHECK(round_trip("80") == "80/tcp");
  CHECK(round_trip("80-89/udp") == "80-89/udp");
  CHECK(round_trip("127.0.0.1::80") == "127.0.0.1::80/tcp");
  CHECK(round_trip("[::1]::53/udp") == "[::1]::53/udp");
  CHECK(overlap({"80", "80", "80:80"}) == "none");
  const auto ordered = named_first(must(parse_publish_list({"80", "32768:81", "82", "1:83"})));
  const std::vector<PublishedPort> expected{{"", 32768, 81}, {"", 1, 83}, {"", 0, 80}, {"", 0, 82}};
  CHECK(ordered == expected);
}

TEST_CASE("each mistake in a published port has its own message") {
  const std::map<std::string, std::string> expected = {
      {"0:80", "port 0 cannot be published"},
      {"80:0", "port 0 cannot be published"},
      {"65536:80", "there is no port 65536: the highest is 65535"},
      {"80:99999999999999999999", "there is no port 99999999999999999999"},
      {"90-80:1-11", "the range 90-80 is reversed"},
      {"80-90:80-85", "11 ports of the host cannot lead to 6 of the guest"},
      {"80-90:80", "11 ports of the host cannot lead to 1 of the guest"},
      {"80:80/sctp", "\"sctp\" is not a protocol"},
      {"80:80/", "\"\" is not a protocol"},
      {"http:80", "\"http\" is not a port number"},
      {"80:-1", "\"\" is not a port number"},
      {"80:", "\"\" is not a port number"},
      {":80", "\"\" is not a port number"},
      {"", "\"\" is not a port number"},
      {"::80:80", "stands without brackets"},
      {"::1:80:80", "\"::1\" stands without brackets"},
      {"[::1]80:80", "a bracket is not closed"},
      {"[::1:80:80", "a bracket is not closed"},
      {"[1.2.3.4]:80:80", "\"1.2.3.4\" is not an IPv6 address"},
      {"localhost:80:80", "\"localhost\" is not an IP address"},
      {"1.2.3.256:80:80", "\"1.2.3.256\" is not an IP address"},
      {"80 :80", "\"80 \" is not a port number"},
  };
  for (const auto& [text, message] : expected) {
    CAPTURE(text, mistake(text));
    CHECK(mistake(text).find(message) != std::string::npos);
    CHECK_FALSE(parse_publish(text).error().remedy().empty());
  }
}

TEST_CASE("one port of the host serves one purpose") {
  CHECK(overlap({"80:80", "80:81"}).find("overlaps with 80:80/tcp") != std::string::npos);
  CHECK(overlap({"8000-8009:1-10", "8009:80"}) != "none");
  CHECK(overlap({"0.0.0.0:80:80", "127.0.0.1:80:80"}) != "none");
  CHECK(overlap({"0.0.0.0:80:80", "80:80"}) != "none");
  CHECK(overlap({"[::]:80:80,[::1]:80:80"}) != "none");
  CHECK(overlap({"80:80", "80:80/udp"}) == "none");
  CHECK(overlap({"80:80", "127.0.0.1:80:80"}) == "none");
  CHECK(overlap({"0.0.0.0:80:80", "[::]:80:80"}) == "none");
  CHECK(overlap({"8000-8009:1-10", "8010:80"}) == "none");
  CHECK(check_free({"", 80, 80}, {{"", 79, 1, Protocol::kTcp, 2}}).error().code() == EEXIST);
  CHECK(check_free({"", 0, 80}, {{"", 79, 1, Protocol::kTcp, 2}}));
}

TEST_CASE("a port of the host is a VM's that lives and publishes it") {
  Record web;
  web.name = "web";
  web.phase = Phase::kRunning;
  web.supervisor = must(base::identify(::getpid()));
  web.ports = {{"127.0.0.1", 8080, 80}};
  CHECK(port_owner({web}, {"127.0.0.1", 8080, 1}) == "web");
  CHECK(port_owner({web}, {"0.0.0.0", 8080, 1}) == "web");
  CHECK(port_owner({web}, {"127.0.0.2", 8080, 1}).empty());
  web.phase = Phase::kExited;
  CHECK(port_owner({web}, {"127.0.0.1", 8080, 1}).empty());
}

TEST_CASE("an address is of this host, or is not") {
  CHECK(check_host_address("127.0.0.1"));
  CHECK(check_host_address("0.0.0.0"));
  CHECK(check_host_address("192.0.2.1").error().code() == EADDRNOTAVAIL);
  CHECK(check_host_address("2001:db8::1").error().code() == EADDRNOTAVAIL);
}

TEST_CASE("forwarded ports are [LOCAL:]REMOTE") {
  CHECK(must(parse_forwarded_port("80")).local == 80);
  CHECK(must(parse_forwarded_port("8080:80")).remote == 80);
  CHECK(must(parse_forwarded_port("8080:80")).local == 8080);
  CHECK(must(parse_forwarded_port(":80")).local == 0);
  CHECK(must(parse_forwarded_port("0:80")).local == 0);
  for (const char* bad : {"", "0", "80:", "80:0", "65536", "1:65536", "x:80", "1:2:3", "-1:80"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_forwarded_port(bad));
  }
}

}  // namespace
}  // namespace fcvm::vm
