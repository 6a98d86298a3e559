// What of fusepipe needs neither a mount nor a server: addresses, ids, names, what is sent again.
#include <cerrno>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "fusepipe/relay/pending.hpp"
#include "fusepipe/server/id_map.hpp"
#include "fusepipe/server/message.hpp"
#include "fusepipe/stream/address.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/must.hpp"

using namespace fcvm;
using namespace fcvm::fusepipe;

namespace {

Arguments arguments(const std::string& text) { return Arguments(std::as_bytes(std::span(text))); }

std::vector<std::byte> message(std::uint32_t opcode, std::uint64_t unique) {
  fuse_in_header header{};
  header.len = sizeof header;
  header.opcode = opcode;
  header.unique = unique;
  const auto bytes = std::as_bytes(std::span(&header, 1));
  return {bytes.begin(), bytes.end()};
}

void send(Pending& pending, const std::vector<std::byte>& bytes) {
  fuse_in_header header{};
  std::memcpy(&header, bytes.data(), sizeof header);
  pending.sent(header, bytes);
}

}  // namespace

TEST_CASE("streams have addresses") {
  CHECK(must(Address::parse("unix:/a:b")).path() == "/a:b");
  CHECK(must(Address::parse("fd:3,4")).fds() == std::vector<int>{3, 4});
  CHECK(Address::parse("vsock:2:50").has_value());
  for (const char* wrong :
       {"", "unix:", "fd:", "fd:x", "fd:3,", "vsock:", "vsock:1:2:3", "tcp:1"}) {
    INFO(wrong);
    CHECK_FALSE(Address::parse(wrong).has_value());
  }
}

TEST_CASE("ids are mapped both ways") {
  IdMap map;
  CHECK(map.to_guest(5) == 5);
  must(map.add("0:1000:1"));
  must(map.add("1:100000:10"));
  CHECK(map.to_guest(1000) == 0);
  CHECK(map.to_guest(100009) == 10);
  CHECK(map.to_guest(7) == IdMap::kNobody);
  CHECK(map.to_host(10) == 100009U);
  CHECK_FALSE(map.to_host(11).has_value());
  for (const char* wrong :
       {"", "1:2", "1:2:0", "0:5:1", "20:100005:1", "1:2:3:4", "4294967295:1:1"}) {
    INFO(wrong);
    CHECK_FALSE(map.add(wrong).has_value());
  }
}

TEST_CASE("a name is one name, and ends within its message") {
  CHECK(arguments(std::string("name\0", 5)).name() == "name");
  CHECK_FALSE(arguments("name").name().has_value());
  for (const std::string wrong : {"", ".", "..", "a/b", "/", "../a"}) {
    INFO(wrong);
    CHECK_FALSE(arguments(wrong + '\0').name().has_value());
  }
}

TEST_CASE("a request's lengths are checked") {
  auto bytes = message(FUSE_MKDIR, 1);
  CHECK_FALSE(Request::parse(std::span(bytes).first(bytes.size() - 1)).has_value());
  REQUIRE(Request::parse(bytes).has_value());
  fuse_in_header header{};
  std::memcpy(&header, bytes.data(), sizeof header);
  header.total_extlen = 1;
  std::memcpy(bytes.data(), &header, sizeof header);
  CHECK_FALSE(Request::parse(bytes).has_value());
}

TEST_CASE("after a break what is unanswered is sent again, and a FORGET if it did not come") {
  Pending pending;
  const auto waits = message(FUSE_SETLKW, 1);
  const auto forget = message(FUSE_FORGET, 0);
  const auto lookup = message(FUSE_LOOKUP, 2);
  send(pending, waits);
  CHECK_FALSE(pending.expects_soon());
  send(pending, forget);
  send(pending, lookup);
  CHECK(pending.expects_soon());
  CHECK(Pending(pending).resume(1, true).size() == 3);
  CHECK(Pending(pending).resume(2, true).size() == 2);
  CHECK(Pending(pending).resume(0, false).size() == 2);
  CHECK_FALSE(pending.answered(7));
  CHECK(pending.answered(2));
  // The server took the FORGET before what it has answered.
  CHECK(pending.resume(0, true).size() == 1);
  CHECK(pending.give_up() == std::vector<std::uint64_t>{1});
  CHECK(pending.is_empty());
}
