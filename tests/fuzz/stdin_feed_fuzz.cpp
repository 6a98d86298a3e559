// What a guest could claim of its stdin, between what a user types: nine bytes for each step. Every
// byte goes out in order and within what was granted, and what is kept has a bound.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>

#include "core/vm/guest/stdin_feed.hpp"
#include "core/wire/frame.hpp"
#include "core/wire/output.hpp"

namespace {

using namespace fcvm;

// Small numbers, and those at the edges.
std::uint64_t number_of(const std::uint8_t* bytes) {
  std::uint32_t value = 0;
  std::memcpy(&value, bytes, sizeof value);
  if (value % 8 == 0) return std::numeric_limits<std::uint64_t>::max() - value / 8;
  return value % 8 < 4 ? value >> 12 : value;
}

class Guest {
 public:
  // The bytes are numbered by their offset, so that each tells where it belongs.
  void put(vm::StdinFeed& feed, std::size_t count) {
    if (over_) return;
    std::string bytes(count, '\0');
    for (char& byte : bytes) byte = static_cast<char>(put_++ % 251);
    feed.put(bytes);
  }
  void end(vm::StdinFeed& feed) {
    over_ = true;
    feed.end();
  }
  void attach(vm::StdinFeed& feed, std::uint64_t from, std::uint64_t limit) {
    if (feed.on_attached(from, limit)) next_ = from;
  }
  void take(vm::StdinFeed& feed) {
    wire::FrameBuffer frames(2 << 20);
    const std::string sent = feed.take();
    const auto room = frames.prepare(sent.size());
    std::copy(sent.begin(), sent.end(), room.begin());
    frames.commit(sent.size());
    for (;;) {
      const auto frame = frames.next();
      if (!frame) std::abort();
      if (!frame.value()) return;
      if (frame.value()->type == wire::kStreamDataType) check(*frame.value());
    }
  }

 private:
  void check(const wire::Frame& frame) {
    const auto data = wire::decode_stream_data(frame);
    if (!data || data->offset != next_ || data->stream != wire::Stream::kStdin) std::abort();
    for (const char byte : data->bytes) {
      if (byte != static_cast<char>(next_++ % 251)) std::abort();
    }
    if (next_ > put_) std::abort();
  }

  std::uint64_t put_ = 0;
  std::uint64_t next_ = 0;
  bool over_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  vm::StdinFeed feed;
  Guest guest;
  for (; size >= 9; data += 9, size -= 9) {
    const std::uint64_t first = number_of(data + 1);
    switch (data[0] % 6) {
      case 0:
      case 1:
        guest.put(feed, first % 100'000);
        break;
      case 2:
        feed.on_limit(first);
        break;
      case 3:
        guest.attach(feed, first, number_of(data + 5));
        break;
      case 4:
        guest.take(feed);
        break;
      default:
        if (first % 16 == 0) guest.end(feed);
    }
    if (feed.kept() > vm::StdinFeed::kLargestWindow) std::abort();
  }
  return 0;
}
