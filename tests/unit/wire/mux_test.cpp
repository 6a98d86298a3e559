// A Mux between two well-behaved ends.
#include "core/wire/mux.hpp"

#include "tests/support/catch.hpp"
#include "tests/unit/wire/mux_pair.hpp"

using namespace fcvm::wire;
using namespace fcvm::wire::test;

TEST_CASE("a session begins whichever end speaks first") {
  Pair pair;
  const std::string hello = take_output(pair.host);
  SECTION("the guest hears the hello") { feed(pair.guest, hello); }
  SECTION("the hello was lost; the guest's greeting brings another") {}
  pair.settle();
  CHECK(MuxInside::in_session(pair.host));
  CHECK(MuxInside::in_session(pair.guest));
  CHECK(pair.host_owner.sessions == 1);
}

TEST_CASE("open is refused until there is a session") {
  Pair pair;
  const auto early = pair.host.open(1);
  REQUIRE_FALSE(early);
  CHECK(early.error().code() == ENOTCONN);
  pair.settle();
  CHECK(pair.guest.open(1).error().code() == EINVAL);
}

TEST_CASE("streams are accepted and refused by the guest") {
  Pair pair;
  const auto good = pair.connect(5000);
  const auto bad = pair.connect(9000);
  CHECK(pair.guest_owner.streams[good].port == 5000);
  CHECK(pair.host_owner.streams[good].accepted);
  CHECK(pair.host_owner.streams[bad].refused);
  CHECK(MuxInside::streams(pair.host) == 1);
  CHECK(MuxInside::streams(pair.guest) == 1);
}

TEST_CASE("nothing is sent before the guest has accepted") {
  Pair pair;
  pair.guest_owner.answer_open = false;
  const auto id = pair.connect();
  CHECK(pair.host.send(id, bytes_of("early")) == 0);
  pair.guest.accept(id);
  pair.settle();
  CHECK(pair.host_owner.streams[id].writable);
  CHECK(pair.host.send(id, bytes_of("now")) == 3);
}

TEST_CASE("data flows both ways and each end closes by itself") {
  Pair pair;
  const auto id = pair.connect();
  CHECK(pair.host.send(id, bytes_of("ping")) == 4);
  pair.host.finish(id);
  CHECK(pair.host.send(id, bytes_of("late")) == 0);
  pair.settle();
  CHECK(pair.guest_owner.streams[id].data == "ping");
  CHECK(pair.guest_owner.streams[id].eof);
  CHECK(pair.guest.send(id, bytes_of("pong")) == 4);
  pair.guest.finish(id);
  pair.settle();
  CHECK(pair.host_owner.streams[id].data == "pong");
  CHECK(pair.host_owner.streams[id].eof);
  CHECK(MuxInside::streams(pair.host) == 0);
  CHECK(MuxInside::streams(pair.guest) == 0);
}

TEST_CASE("a reset ends both directions and its stream number is not used again") {
  Pair pair;
  const auto id = pair.connect();
  (void)pair.guest.send(id, bytes_of("crossing"));
  pair.host.reset(id);
  pair.settle();
  CHECK(pair.guest_owner.streams[id].reset);
  CHECK_FALSE(pair.host_owner.streams[id].reset);
  CHECK(pair.host_owner.streams[id].data.empty());
  CHECK(MuxInside::streams(pair.host) + MuxInside::streams(pair.guest) == 0);
  CHECK(pair.connect() != id);
}

TEST_CASE("a reader that does not consume stops the writer at the window") {
  Pair pair;
  pair.guest_owner.consume = false;
  const auto id = pair.connect();
  const std::string block(100'000, 'x');
  std::size_t taken = 0;
  for (int i = 0; i < 20; ++i) {
    taken += pair.host.send(id, bytes_of(block));
    pair.settle();
  }
  CHECK(taken == Mux::kWindow);
  CHECK(pair.guest_owner.streams[id].data.size() == Mux::kWindow);
  pair.host_owner.streams[id].writable = false;
  pair.guest.consumed(id, Mux::kWindow);
  pair.settle();
  CHECK(pair.host_owner.streams[id].writable);
  CHECK(pair.host.send(id, bytes_of(block)) == block.size());
}

TEST_CASE("a port that does not move stops the writer at the send queue") {
  Pair pair;
  const auto id = pair.connect();
  const std::string block(1'000'000, 'x');
  CHECK(pair.host.send(id, bytes_of(block)) == Mux::kSendQueue);
  CHECK(pair.host.send(id, bytes_of(block)) == 0);
  (void)take_output(pair.host);
  CHECK(pair.host_owner.streams[id].writable);
}

TEST_CASE("streams take turns") {
  Pair pair;
  const auto bulk = pair.connect();
  const auto shell = pair.connect();
  CHECK(pair.host.send(bulk, bytes_of(std::string(Mux::kSendQueue, 'b'))) == Mux::kSendQueue);
  CHECK(pair.host.send(shell, bytes_of("$ ")) == 2);
  feed(pair.guest, take_output(pair.host, kMuxMaxData + 4 * kMuxHeaderSize));
  CHECK(pair.guest_owner.streams[shell].data == "$ ");
}

TEST_CASE("payload that looks like a hello arrives as it was") {
  Pair pair;
  const auto id = pair.connect();
  const std::string magic(kMuxMagic, sizeof kMuxMagic);
  std::string sent = magic + "between" + magic + magic + hello_bytes(MuxHelloKind::kHello, 7);
  for (std::size_t i = 1; i <= magic.size(); ++i) sent += magic.substr(0, i) + magic;
  CHECK(pair.host.send(id, bytes_of(sent)) == sent.size());
  pair.settle();
  CHECK(pair.guest_owner.streams[id].data == sent);
  CHECK(pair.guest_owner.sessions <= 2);
  // What ends like the beginning of a magic is not held back.
  for (std::size_t i = 1; i < magic.size(); ++i) {
    pair.guest_owner.streams[id].data.clear();
    (void)pair.host.send(id, bytes_of(magic.substr(0, i)));
    pair.settle();
    CHECK(pair.guest_owner.streams[id].data == magic.substr(0, i));
  }
}

TEST_CASE("there are only so many streams") {
  Pair pair;
  pair.settle();
  for (std::size_t i = 0; i < Mux::kMaxStreams; ++i) REQUIRE(pair.host.open(1));
  CHECK(pair.host.open(1).error().code() == EMFILE);
  pair.settle();
  CHECK(MuxInside::streams(pair.guest) == Mux::kMaxStreams);
  for (const auto& [id, got] : pair.host_owner.streams) pair.host.reset(id);
  pair.settle();
  for (std::size_t i = 0; i < Mux::kMaxStreams; ++i) REQUIRE(pair.host.open(1));
  pair.settle();
  CHECK(pair.guest_owner.ended <= 1);
}

TEST_CASE("a stream reset before it was asked for is never asked for") {
  Pair pair;
  pair.settle();
  pair.host.reset(*pair.host.open(1));
  pair.settle();
  CHECK(pair.guest_owner.streams.empty());
}
