#include "core/vm/guest/stdin_feed.hpp"

#include "core/wire/output.hpp"
#include "tests/support/catch.hpp"

namespace fcvm::vm {
namespace {

constexpr std::uint64_t kWindow = 100;

/// The agent's side: what it has received, and what it grants.
struct Guest {
  std::string received{};
  std::uint64_t limit = kWindow;
  bool ended = false;

  bool take(const std::string& bytes) {
    if (bytes.empty()) return false;
    wire::FrameBuffer buffer(wire::kMaxOutputFrame);
    buffer.append(bytes);
    const auto frame = buffer.next();
    REQUIRE(frame);
    REQUIRE(*frame);
    if (const auto end = wire::decode<wire::StdinEnd>(**frame)) {
      CHECK(end->offset == received.size());
      ended = true;
      return true;
    }
    const auto data = wire::decode_stream_data(**frame);
    REQUIRE(data);
    REQUIRE(data->offset <= received.size());
    received = received.substr(0, data->offset) + std::string(data->bytes);
    REQUIRE(received.size() <= limit);
    return true;
  }
};

std::string text(std::size_t size) {
  std::string made;
  for (std::size_t i = 0; i < size; ++i) made += static_cast<char>('a' + i % 23);
  return made;
}

TEST_CASE("stdin goes no further than the guest has granted") {
  StdinFeed feed;
  Guest guest;
  CHECK(feed.take().empty());
  REQUIRE(feed.on_attached(0, guest.limit));
  feed.put(text(250));
  feed.end();
  while (guest.take(feed.take())) {
  }
  CHECK(guest.received == text(100));
  CHECK(feed.unsent() == 150);
  CHECK_FALSE(guest.ended);
  guest.limit = 240;
  feed.on_limit(240);
  while (guest.take(feed.take())) {
  }
  feed.on_limit(10);  // an older one, late
  guest.limit = 340;
  feed.on_limit(340);
  while (guest.take(feed.take())) {
  }
  CHECK(guest.received == text(250));
  CHECK(guest.ended);
  CHECK(feed.take().empty());
}

TEST_CASE("stdin survives connections that break anywhere") {
  for (std::size_t lost = 0; lost <= 100; lost += 7) {
    StdinFeed feed;
    Guest guest;
    feed.put(text(150));
    REQUIRE(feed.on_attached(0, guest.limit));
    CHECK_FALSE(feed.take().empty());
    // Some of it never arrived.
    guest.received = text(100 - lost);
    guest.limit = guest.received.size() + kWindow;
    REQUIRE(feed.on_attached(guest.received.size(), guest.limit));
    feed.end();
    while (guest.take(feed.take())) {
    }
    guest.limit += kWindow;
    feed.on_limit(guest.limit);
    while (guest.take(feed.take())) {
    }
    CHECK(guest.received == text(150));
    CHECK(guest.ended);
    // The end is told again on a new connection, since nobody knows whether it arrived.
    guest.ended = false;
    REQUIRE(feed.on_attached(150, 250));
    CHECK(guest.take(feed.take()));
    CHECK(guest.ended);
  }
}

TEST_CASE("what a guest cannot have received is not kept, and cannot be asked for") {
  StdinFeed feed;
  REQUIRE(feed.on_attached(0, kWindow));
  feed.put(text(100));
  CHECK_FALSE(feed.take().empty());
  feed.on_limit(180);  // so 80 have arrived
  CHECK(feed.on_attached(90, 190).has_value());
  CHECK(feed.on_attached(20, 120).error().code() == ERANGE);
  CHECK(feed.on_attached(101, 201).error().code() == ERANGE);
}

TEST_CASE("a guest that grants the moon is not believed") {
  StdinFeed feed;
  REQUIRE(feed.on_attached(0, UINT64_MAX));
  std::size_t sent = 0;
  for (int i = 0; i < 64; ++i) {
    feed.put(std::string(1 << 20, 'x'));
    while (!feed.take().empty()) ++sent;
    CHECK(feed.kept() <= StdinFeed::kLargestWindow);
    feed.on_limit(UINT64_MAX);
  }
  CHECK(sent == 256);
  CHECK(feed.unsent() == 0);
  CHECK(feed.on_attached(1, 2).error().code() == ERANGE);
}

TEST_CASE("a guest that grants the moon once, and then is silent, is sent one window") {
  StdinFeed feed;
  REQUIRE(feed.on_attached(0, UINT64_MAX));
  for (int i = 0; i < 16; ++i) {
    feed.put(std::string(1 << 20, 'x'));
    while (!feed.take().empty()) {
    }
  }
  CHECK(feed.kept() == StdinFeed::kLargestWindow);
  CHECK(feed.unsent() == 15 << 20);
  // The same in the middle of a life.
  feed.on_limit(UINT64_MAX);
  while (!feed.take().empty()) {
  }
  CHECK(feed.kept() <= StdinFeed::kLargestWindow);
  CHECK(feed.unsent() == 14 << 20);
}

}  // namespace
}  // namespace fcvm::vm
