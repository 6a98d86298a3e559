#include "core/vm/guest/frame_link.hpp"

#include <array>
#include <sys/socket.h>

#include "core/base/io/socket_pair.hpp"
#include "tests/support/catch.hpp"

namespace fcvm::vm {
namespace {

constexpr std::uint16_t kSomeType = 7;

struct Ends {
  base::SocketPair pair = *base::SocketPair::create();
  FrameLink link{std::move(pair.first), wire::FrameBuffer(1 << 20)};
};

TEST_CASE("what waits for a peer that does not read is bounded, and then the link is lost") {
  Ends ends;
  const std::string block(64 << 10, 'x');
  Result<void> flushed{};
  for (int i = 0; i < 1000 && flushed; ++i) {
    ends.link.send_raw(kSomeType, block);
    CHECK(ends.link.queued() <= FrameLink::kMostQueued);
    flushed = ends.link.flush();
  }
  REQUIRE_FALSE(flushed);
  CHECK(flushed.error().code() == ENOBUFS);
  CHECK(ends.link.congested());
  ends.link.send_raw(kSomeType, "more");
  CHECK(ends.link.flush().error().code() == ENOBUFS);
}

TEST_CASE("a peer that reads as slowly as it likes gets everything") {
  Ends ends;
  std::array<char, 1000> piece;
  std::size_t put = 0;
  std::size_t got = 0;
  for (int i = 0; i < 20'000; ++i) {
    if (!ends.link.congested()) {
      const std::string block(static_cast<std::size_t>(i % 900), 'x');
      ends.link.send_raw(kSomeType, block);
      put += wire::kFrameHeaderSize + block.size();
    }
    REQUIRE(ends.link.flush());
    const ssize_t count = ::recv(ends.pair.second.get(), piece.data(), piece.size(), MSG_DONTWAIT);
    if (count > 0) got += static_cast<std::size_t>(count);
  }
  while (got < put) {
    REQUIRE(ends.link.flush());
    const ssize_t count = ::recv(ends.pair.second.get(), piece.data(), piece.size(), MSG_DONTWAIT);
    REQUIRE(count > 0);
    got += static_cast<std::size_t>(count);
  }
  CHECK(ends.link.queued() == 0);
}

}  // namespace
}  // namespace fcvm::vm
