// A Mux whose other end was replaced: the host reconnected, or the VM was restored.
#include <random>

#include "core/wire/mux.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/wire/mux_pair.hpp"

using namespace fcvm::wire;
using namespace fcvm::wire::test;

namespace {

/// A new host end on a port whose guest is in the middle of something.
struct NewHost {
  explicit NewHost(Pair& pair) : guest(pair.guest) { owner.mux = &mux; }
  Owner owner;
  Mux mux{Mux::Role::kHost, owner};
  Mux& guest;
  void settle() {
    for (;;) {
      const std::string down = take_output(mux);
      const std::string up = take_output(guest);
      if (down.empty() && up.empty()) return;
      feed(guest, down);
      feed(mux, up);
    }
  }
};

void check_works(Pair& pair, NewHost& host, const std::string& when) {
  INFO(when);
  host.settle();
  REQUIRE(MuxInside::in_session(host.mux));
  pair.guest_owner.streams.clear();
  const auto id = host.mux.open(77);
  REQUIRE(id);
  host.settle();
  CHECK(pair.guest_owner.streams[*id].port == 77);
  CHECK(host.mux.send(*id, bytes_of("hello")) == 5);
  CHECK(pair.guest.send(*id, bytes_of("there")) == 5);
  host.settle();
  CHECK(pair.guest_owner.streams[*id].data == "hello");
  CHECK(host.owner.streams[*id].data == "there");
}

/// What an old host writes in one of each kind of frame.
std::string old_traffic(Pair& pair, MuxStreamId id) {
  (void)pair.host.open(2);
  (void)pair.host.send(id, bytes_of("0123456789" + std::string(kMuxMagic, sizeof kMuxMagic)));
  pair.host.finish(id);
  return take_output(pair.host);
}

}  // namespace

TEST_CASE("a new host is heard wherever the old one stopped") {
  std::size_t length = 1;
  for (std::size_t cut = 0; cut <= length; ++cut) {
    Pair pair;
    const auto id = pair.connect();
    const std::string traffic = old_traffic(pair, id);
    length = traffic.size();
    feed(pair.guest, traffic.substr(0, cut));
    NewHost host(pair);
    host.settle();
    CHECK(pair.guest_owner.streams[id].reset);
    CHECK(pair.guest_owner.streams[id].data.size() <= 26);
    check_works(pair, host, "cut after " + std::to_string(cut));
  }
}

TEST_CASE("a new host passes over what the guest still had to say to the old one") {
  std::size_t length = 1;
  for (std::size_t cut = 0; cut <= length; ++cut) {
    Pair pair;
    const auto id = pair.connect();
    (void)pair.guest.send(id, bytes_of(hello_bytes(MuxHelloKind::kWelcome, 1) + "old"));
    if (cut == 0) length = 16 + 32 + 3;
    (void)take_output(pair.guest, cut);  // the old host got this much; the rest is in flight
    NewHost host(pair);
    check_works(pair, host, "cut after " + std::to_string(cut));
    CHECK(host.owner.streams.size() == 1);
  }
}

TEST_CASE("a hello cut short is made good by the next") {
  for (std::size_t cut = 0; cut <= kMuxHelloSize; ++cut) {
    Pair pair;
    (void)pair.connect();
    feed(pair.guest, hello_bytes(MuxHelloKind::kHello, 99).substr(0, cut));
    NewHost host(pair);
    check_works(pair, host, "cut after " + std::to_string(cut));
  }
}

TEST_CASE("a session is found in garbage") {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    Pair pair;
    std::string garbage(random() % 2000, '\0');
    for (char& byte : garbage) byte = static_cast<char>(random());
    for (int i = 0; i < 3; ++i) {
      const std::size_t at = garbage.empty() ? 0 : random() % garbage.size();
      garbage.insert(at, kMuxMagic, random() % (sizeof kMuxMagic + 1));
    }
    feed(pair.guest, garbage);
    feed(pair.host, garbage);
    NewHost host(pair);
    feed(host.mux, garbage);
    check_works(pair, host, "round " + std::to_string(round));
  }
}

TEST_CASE("a guest whose end began anew is given a new session") {
  Pair pair;
  const auto id = pair.connect();
  (void)pair.host.send(id, bytes_of("lost"));
  pair.guest.restart();
  CHECK(pair.guest_owner.streams[id].reset);
  pair.settle();
  CHECK(pair.host_owner.streams[id].reset);
  CHECK(pair.host_owner.sessions == 2);
  CHECK(MuxInside::in_session(pair.host));
  CHECK(MuxInside::in_session(pair.guest));
}

TEST_CASE("a welcome with a foreign nonce begins no session") {
  Pair pair;
  (void)take_output(pair.host);
  feed(pair.host, hello_bytes(MuxHelloKind::kWelcome, 12345));
  CHECK_FALSE(MuxInside::in_session(pair.host));
  CHECK(take_output(pair.host).empty());
}
