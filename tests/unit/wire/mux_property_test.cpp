// Whatever the pieces in which the port delivers, streams arrive whole and in order; and whatever
// the bytes, a Mux neither breaks nor holds more than it says. Seeded, so a failure repeats.
#include <random>

#include "core/wire/mux.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/wire/mux_pair.hpp"

using namespace fcvm::wire;
using namespace fcvm::wire::test;

namespace {

using Random = std::mt19937;

std::size_t up_to(Random& random, std::size_t most) { return random() % (most + 1); }

/// Random bytes with many beginnings of the magic among them.
std::string payload(Random& random) {
  std::string bytes;
  const std::size_t size = up_to(random, random() % 8 == 0 ? 200'000 : 300);
  while (bytes.size() < size) {
    if (random() % 4 == 0) {
      bytes.append(kMuxMagic, up_to(random, sizeof kMuxMagic));
    } else {
      bytes.append(up_to(random, 2000), static_cast<char>(random()));
    }
  }
  return bytes;
}

/// One direction of the port: a byte queue that passes on a random number of bytes at a time.
void pass(Random& random, Mux& from, Mux& to, std::string& wire) {
  wire += take_output(from, up_to(random, 100'000));
  const std::size_t count = std::min(wire.size(), up_to(random, random() % 2 == 0 ? 40 : 150'000));
  feed(to, wire.substr(0, count));
  wire.erase(0, count);
}

struct Sending {
  Mux& mux;
  MuxStreamId stream;
  std::string bytes;
  std::size_t sent = 0;
  bool finished = false;
  void go(Random& random) {
    const std::string some = bytes.substr(sent, up_to(random, 90'000));
    sent += mux.send(stream, bytes_of(some));
    if (sent == bytes.size() && !std::exchange(finished, true)) mux.finish(stream);
  }
};

}  // namespace

TEST_CASE("streams arrive whole through any splits of the port") {
  for (unsigned seed = 1; seed <= 25; ++seed) {
    INFO("seed " << seed);
    Random random(seed);
    Pair pair;
    std::vector<Sending> sendings;
    for (int i = 0; i < 4; ++i) {
      const auto id = pair.connect();
      sendings.push_back({pair.host, id, payload(random)});
      sendings.push_back({pair.guest, id, payload(random)});
    }
    std::string down, up;
    for (int i = 0;
         i < 100'000 && MuxInside::streams(pair.host) + MuxInside::streams(pair.guest) > 0; ++i) {
      sendings[random() % sendings.size()].go(random);
      pass(random, pair.host, pair.guest, down);
      pass(random, pair.guest, pair.host, up);
    }
    CHECK(pair.host_owner.ended == 0);
    for (const Sending& sending : sendings) {
      Owner& reader = &sending.mux == &pair.host ? pair.guest_owner : pair.host_owner;
      CHECK(reader.streams[sending.stream].data == sending.bytes);
      CHECK(reader.streams[sending.stream].eof);
    }
  }
}

TEST_CASE("corrupted traffic breaks nothing, and the next session works") {
  for (unsigned seed = 1; seed <= 300; ++seed) {
    INFO("seed " << seed);
    Random random(seed);
    Pair pair;
    const auto id = pair.connect();
    for (int i = 0; i < 30; ++i) {
      (void)pair.guest.send(id, bytes_of(payload(random).substr(0, 500)));
      if (random() % 8 == 0) (void)pair.host.open(random());
      std::string up = take_output(pair.guest);
      for (std::size_t n = up_to(random, 2); n > 0 && !up.empty(); --n) {
        up[random() % up.size()] = static_cast<char>(random() % 9);
      }
      feed(pair.host, up);
      feed(pair.guest, take_output(pair.host));
      for (const auto& [stream, got] : pair.host_owner.streams) pair.host.consumed(stream, 1000);
    }
    pair.guest.restart();
    pair.settle();
    pair.host.restart();
    pair.settle();
    pair.host_owner.streams.clear();
    const auto fresh = pair.connect();
    CHECK(pair.host_owner.streams[fresh].accepted);
  }
}

TEST_CASE("well-formed but senseless frames break nothing") {
  for (unsigned seed = 1; seed <= 300; ++seed) {
    INFO("seed " << seed);
    Random random(seed);
    Pair pair;
    (void)pair.connect();
    (void)pair.connect();
    std::string frames;
    for (int i = 0; i < 20; ++i) {
      const std::uint32_t size = random() % 50;
      const auto type = static_cast<MuxFrameType>(random() % 8);
      frames += frame_bytes(type, random() % 4, size);
      if (type == MuxFrameType::kData) frames.append(size, 'd');
    }
    feed(random() % 2 == 0 ? pair.host : pair.guest, frames);
    pair.settle();
    pair.guest.restart();
    pair.settle();
    CHECK(pair.connect() != 0);
  }
}
