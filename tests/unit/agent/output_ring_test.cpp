#include "agent/session/output_ring.hpp"

#include <cstring>
#include <random>

#include "tests/support/catch.hpp"

namespace fcvm::agent {
namespace {

std::size_t put(OutputRing& ring, std::string_view bytes) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const auto room = ring.room();
    if (room.empty()) break;
    const std::size_t now = std::min(room.size(), bytes.size() - done);
    std::memcpy(room.data(), bytes.data() + done, now);
    ring.filled(now);
    done += now;
  }
  return done;
}

std::string all_from(const OutputRing& ring, std::uint64_t offset) {
  std::string all;
  for (;;) {
    const auto bytes = ring.from(offset + all.size(), 3);
    if (bytes.empty()) return all;
    all += bytes;
  }
}

TEST_CASE("a ring takes what it holds, and more once it was acknowledged") {
  OutputRing ring(8);
  CHECK(put(ring, "0123456789") == 8);
  CHECK(all_from(ring, 0) == "01234567");
  CHECK(ring.acknowledge(5));
  CHECK(put(ring, "89abc") == 5);
  CHECK(all_from(ring, 5) == "56789abc");
  CHECK(all_from(ring, 4).empty());
  CHECK_FALSE(ring.acknowledge(14));
  CHECK(ring.acknowledge(2));  // late and repeated ones change nothing
  CHECK(ring.begin() == 5);
}

TEST_CASE("a ring keeps every byte under random use") {
  std::mt19937 random(3);
  OutputRing ring(61);
  std::string written;
  std::string read;
  while (read.size() < 20'000) {
    std::string more;
    for (std::size_t i = random() % 40; i > 0; --i) more.push_back(static_cast<char>(random()));
    written += more.substr(0, put(ring, more));
    const auto bytes = ring.from(read.size(), random() % 50 + 1);
    read += bytes;
    REQUIRE(ring.acknowledge(read.size()));
  }
  CHECK(written.substr(0, read.size()) == read);
}

}  // namespace
}  // namespace fcvm::agent
