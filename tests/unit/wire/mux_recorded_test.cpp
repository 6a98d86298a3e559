// One conversation as it was recorded, byte by byte, and each end against it alone. Both ends are
// the same class, so what breaks in both at once shows in no other test: a guest that is older than
// its host, as every restored one, would not be understood. Never to be made anew by the encoder.
#include "tests/support/catch.hpp"
#include "tests/support/recorded_hellos.hpp"
#include "tests/unit/wire/mux_pair.hpp"

using namespace fcvm::wire;
using namespace fcvm::wire::test;
using fcvm::tests::from_hex;

namespace {

constexpr std::uint64_t kNonce = 0x1122334455667788;
constexpr std::uint64_t kGuestsNonce = 0x0102030405060708;

const std::string kHello = from_hex(
    "f56663766d2d6d75782f31e193b7ca8d"  // the magic
    " 01 01 0000 8877665544332211 00000000");
const std::string kWelcome = from_hex(
    "f56663766d2d6d75782f31e193b7ca8d"
    " 02 01 0000 8877665544332211 00000000");
const std::string kGreeting = from_hex(
    "f56663766d2d6d75782f31e193b7ca8d"
    " 03 01 0000 0807060504030201 00000000");
const std::string kOpen = from_hex("00 01 0000 01000000 ee130000 00000000");  // port 5102
const std::string kAccept = from_hex("00 02 0000 01000000 00000000 00000000");
const std::string kPing = from_hex("00 04 0000 01000000 04000000 00000000 70696e67");
const std::string kPong = from_hex("00 04 0000 01000000 04000000 00000000 706f6e67");
const std::string kHostsEnd = from_hex("00 06 0000 01000000 00000000 00000000");
const std::string kGuestsEnd = kHostsEnd;
const std::string kOpenSecond = from_hex("00 01 0000 02000000 28230000 00000000");  // port 9000
const std::string kRefuse = from_hex("00 03 0000 02000000 00000000 00000000");
const std::string kOpenThird = from_hex("00 01 0000 03000000 ec130000 00000000");  // port 5100
const std::string kAcceptThird = from_hex("00 02 0000 03000000 00000000 00000000");
const std::string kReset = from_hex("00 07 0000 03000000 00000000 00000000");
// The half of a window, given back.
const std::string kCredit = from_hex("00 05 0000 03000000 00000200 00000000");
constexpr std::size_t kCredited = 0x20000;

std::string data_of(std::uint8_t stream, std::size_t size) {
  std::string frames;
  for (std::size_t left = size; left > 0; left -= 0x10000) {
    frames += from_hex("00 04 0000");
    frames += static_cast<char>(stream);
    frames += from_hex("000000 00000100 00000000");
    frames.append(0x10000, 'x');
  }
  return frames;
}

}  // namespace

TEST_CASE("the host says what it always said, and understands what guests always said") {
  Owner owner;
  Mux host(Mux::Role::kHost, owner, [] { return kNonce; });
  owner.mux = &host;
  CHECK(take_output(host) == kHello);
  feed(host, kGreeting);  // of a guest that missed it
  CHECK(take_output(host) == kHello);
  feed(host, kWelcome);
  CHECK(owner.sessions == 1);
  const auto first = host.open(5102);
  REQUIRE(first);
  CHECK(take_output(host) == kOpen);
  feed(host, kAccept);
  CHECK(owner.streams[*first].accepted);
  CHECK(host.send(*first, bytes_of("ping")) == 4);
  host.finish(*first);
  CHECK(take_output(host) == kPing + kHostsEnd);
  feed(host, kPong + kGuestsEnd);
  CHECK(owner.streams[*first].data == "pong");
  CHECK(owner.streams[*first].eof);
  const auto second = host.open(9000);
  REQUIRE(second);
  CHECK(take_output(host) == kOpenSecond);
  feed(host, kRefuse);
  CHECK(owner.streams[*second].refused);
  const auto third = host.open(5100);
  REQUIRE(third);
  CHECK(take_output(host) == kOpenThird);
  feed(host, kAcceptThird + data_of(3, kCredited));
  CHECK(owner.streams[*third].data.size() == kCredited);
  CHECK(take_output(host) == kCredit);
  host.reset(*third);
  CHECK(take_output(host) == kReset);
}

TEST_CASE("the guest says what it always said, and understands what hosts always said") {
  Owner owner;
  Mux guest(Mux::Role::kGuest, owner, [] { return kGuestsNonce; });
  owner.mux = &guest;
  CHECK(take_output(guest) == kGreeting);
  feed(guest, kHello);
  CHECK(take_output(guest) == kWelcome);
  feed(guest, kOpen);
  CHECK(owner.streams[1].port == 5102);
  CHECK(take_output(guest) == kAccept);
  feed(guest, kPing + kHostsEnd);
  CHECK(owner.streams[1].data == "ping");
  CHECK(owner.streams[1].eof);
  CHECK(guest.send(1, bytes_of("pong")) == 4);
  guest.finish(1);
  CHECK(take_output(guest) == kPong + kGuestsEnd);
  feed(guest, kOpenSecond);
  CHECK(take_output(guest) == kRefuse);
  feed(guest, kOpenThird);
  CHECK(take_output(guest) == kAcceptThird);
  feed(guest, data_of(3, kCredited));
  CHECK(take_output(guest) == kCredit);
  feed(guest, kReset);
  CHECK(owner.streams[3].reset);
  CHECK(MuxInside::streams(guest) == 0);
}
