#include "agent/boot/inherited.hpp"

#include <string>

#include "tests/support/catch.hpp"

namespace fcvm::agent {
namespace {

/// A line as the kernel writes it, between these ends.
std::string line(const std::string& local, const std::string& remote, const std::string& state) {
  return "   1: " + local + " " + remote + " " + state +
         " 00000000:00000000 00:00000000 00000000     0        0 4711 1 0000000000000000 20";
}

TEST_CASE("connections that lead out of the machine are told from those that do not") {
  const std::string own = "6402000A:9C40";
  CHECK(outward_inode(line(own, "01020304:01BB", "01")) == 4711);
  CHECK(outward_inode(line(own, "01020304:01BB", "02")) == 4711);  // one that is being made
  CHECK(outward_inode(line("00000000:0050", "00000000:0000", "0A")) == 0);
  CHECK(outward_inode(line("0100007F:0050", "0100007F:9C40", "01")) == 0);
  CHECK(outward_inode(line(own, own, "01")) == 0);
  const std::string own6 = "000000FD000000000000000000010000:0050";
  CHECK(outward_inode(line(own6, "000000FD000000000000000002000000:0050", "01")) == 4711);
  CHECK(outward_inode(line(own6, "00000000000000000000000001000000:0050", "01")) == 0);
  CHECK(outward_inode(line(own6, "0000000000000000FFFF00000100007F:0050", "01")) == 0);
  CHECK(outward_inode(line(own6, "0000000000000000FFFF000001020304:0050", "01")) == 4711);
}

TEST_CASE("what is no connection has no socket") {
  for (const char* text :
       {"", "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid",
        "1: a b", "1: 0:0 1:1 01 x x x x x -"}) {
    CHECK(outward_inode(text) == 0);
  }
}

}  // namespace
}  // namespace fcvm::agent
