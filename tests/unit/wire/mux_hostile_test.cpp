// A Mux whose other end breaks the protocol: an error, every stream reset, and a new session.
#include "core/wire/mux.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/wire/mux_pair.hpp"

using namespace fcvm::wire;
using namespace fcvm::wire::test;
using Type = MuxFrameType;

namespace {

void check_host_rejects(const std::string& what, const std::string& frames) {
  INFO(what);
  Pair pair;
  const auto id = pair.connect();
  REQUIRE(id == 1);
  feed(pair.host, frames);
  CHECK(pair.host_owner.ended == 1);
  CHECK(pair.host_owner.last_code == EPROTO);
  CHECK(pair.host_owner.streams[id].reset);
  CHECK(MuxInside::streams(pair.host) == 0);
  pair.settle();
  CHECK(MuxInside::in_session(pair.host));
  CHECK(pair.connect() != 0);
}

void check_guest_rejects(const std::string& what, const std::string& frames) {
  INFO(what);
  Pair pair;
  const auto id = pair.connect();
  const int before = pair.guest_owner.ended;
  feed(pair.guest, frames);
  CHECK(pair.guest_owner.ended == before + 1);
  CHECK(pair.guest_owner.last_code == EPROTO);
  CHECK(pair.guest_owner.streams[id].reset);
  pair.settle();
  CHECK(MuxInside::in_session(pair.guest));
  CHECK(pair.connect() != 0);
}

}  // namespace

TEST_CASE("the host rejects what no guest may say") {
  check_host_rejects("an open", frame_bytes(Type::kOpen, 2, 1));
  check_host_rejects("data for nobody", frame_bytes(Type::kData, 9, 1));
  check_host_rejects("data for stream 0", frame_bytes(Type::kData, 0, 1));
  check_host_rejects("empty data", frame_bytes(Type::kData, 1, 0));
  check_host_rejects("a huge frame", frame_bytes(Type::kData, 1, kMuxMaxData + 1));
  check_host_rejects("the hugest frame", frame_bytes(Type::kData, 1, UINT32_MAX));
  check_host_rejects("a second accept", frame_bytes(Type::kAccept, 1, 0));
  check_host_rejects("a late refusal", frame_bytes(Type::kRefuse, 1, 0));
  check_host_rejects("credit nobody used", frame_bytes(Type::kCredit, 1, 1));
  check_host_rejects("all the credit", frame_bytes(Type::kCredit, 1, UINT32_MAX));
  check_host_rejects("two ends", frame_bytes(Type::kEof, 1, 0) + frame_bytes(Type::kEof, 1, 0));
  check_host_rejects("data after the end",
                     frame_bytes(Type::kEof, 1, 0) + frame_bytes(Type::kData, 1, 1));
  check_host_rejects("an unknown type", frame_bytes(static_cast<Type>(8), 1, 0));
  check_host_rejects("a header that is none", std::string(16, 'x'));
  check_host_rejects("a hello", hello_bytes(MuxHelloKind::kHello, 1));
  check_host_rejects("a wrong welcome", hello_bytes(MuxHelloKind::kWelcome, 1));
  check_host_rejects("half a hello",
                     std::string(kMuxMagic, sizeof kMuxMagic) + std::string(16, 'x'));
}

TEST_CASE("the guest rejects what no host may say") {
  check_guest_rejects("a number used twice", frame_bytes(Type::kOpen, 1, 1));
  check_guest_rejects("an accept", frame_bytes(Type::kAccept, 1, 0));
  check_guest_rejects("credit nobody used", frame_bytes(Type::kCredit, 1, 1));
  check_guest_rejects("a welcome", hello_bytes(MuxHelloKind::kWelcome, 1));
  std::string flood;
  for (std::uint32_t id = 2; id < 2 + Mux::kMaxStreams; ++id) {
    flood += frame_bytes(Type::kOpen, id, 1);
  }
  check_guest_rejects("too many streams", flood);
}

TEST_CASE("the guest rejects data on a stream it has not accepted") {
  Pair pair;
  pair.guest_owner.answer_open = false;
  const auto id = pair.connect();
  feed(pair.guest, frame_bytes(Type::kData, id, 1) + "x");
  CHECK(pair.guest_owner.last_code == EPROTO);
}

TEST_CASE("a guest that ignores the window is cut off") {
  Pair pair;
  pair.host_owner.consume = false;
  const auto id = pair.connect();
  const std::string frame =
      frame_bytes(Type::kData, id, kMuxMaxData) + std::string(kMuxMaxData, 'x');
  for (std::size_t i = 0; i < Mux::kWindow / kMuxMaxData; ++i) feed(pair.host, frame);
  CHECK(pair.host_owner.ended == 0);
  feed(pair.host, frame);
  CHECK(pair.host_owner.last_code == EPROTO);
  CHECK(pair.host_owner.streams[id].data.size() == Mux::kWindow);
}

TEST_CASE("credit that was not written yet is not credit") {
  Pair pair;
  const auto id = pair.connect();
  const std::string frame =
      frame_bytes(Type::kData, id, kMuxMaxData) + std::string(kMuxMaxData, 'x');
  for (std::size_t i = 0; i <= Mux::kWindow / kMuxMaxData; ++i) feed(pair.host, frame);
  CHECK(pair.host_owner.last_code == EPROTO);  // it consumed at once, but the port did not move
}

TEST_CASE("frames for a stream that is gone are passed over") {
  Pair pair;
  const auto id = pair.connect();
  pair.host.reset(id);
  (void)take_output(pair.host);
  feed(pair.host, frame_bytes(Type::kData, id, 3) + "abc" + frame_bytes(Type::kCredit, id, 5) +
                      frame_bytes(Type::kEof, id, 0) + frame_bytes(Type::kReset, id, 0));
  CHECK(pair.host_owner.ended == 0);
  CHECK(pair.host_owner.streams[id].data.empty());
}

TEST_CASE("greetings without end make the host hold nothing") {
  Pair pair;
  (void)pair.connect();
  for (int i = 0; i < 1000; ++i) feed(pair.host, hello_bytes(MuxHelloKind::kGreeting, 0));
  CHECK(take_output(pair.host).size() == kMuxHelloSize);
}

TEST_CASE("streams that come and go while the peer does not read leave nothing behind") {
  Pair pair;
  pair.settle();
  for (int i = 0; i < 1000; ++i) {
    const auto id = pair.host.open(5100);
    REQUIRE(id);
    pair.host.reset(*id);
  }
  CHECK(MuxInside::streams(pair.host) == 0);
  CHECK(MuxInside::turns(pair.host) == 0);
}
