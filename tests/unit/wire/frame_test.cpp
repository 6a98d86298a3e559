#include "core/wire/frame.hpp"

#include <random>

#include "tests/support/catch.hpp"

namespace fcvm::wire {
namespace {

std::string frame_of(std::uint16_t type, std::string_view payload) {
  std::string out;
  append_frame(out, type, payload);
  return out;
}

TEST_CASE("frames cut at every byte come out whole") {
  const std::string stream = frame_of(3, "one") + frame_of(4, "") + frame_of(65535, "three");
  for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
    FrameBuffer buffer(16);
    std::string seen;
    for (const auto& part : {stream.substr(0, cut), stream.substr(cut)}) {
      buffer.append(part);
      for (;;) {
        const auto frame = buffer.next();
        REQUIRE(frame);
        if (!frame.value()) break;
        seen +=
            std::to_string(frame.value()->type) + "=" + std::string(frame.value()->payload) + ";";
      }
    }
    CHECK(seen == "3=one;4=;65535=three;");
  }
}

TEST_CASE("a frame that is too large is refused at its header") {
  FrameBuffer buffer(100);
  char header[kFrameHeaderSize];
  put_frame_header(header, 1, 101);
  buffer.append({header, sizeof header});
  CHECK(buffer.next().error().code() == EMSGSIZE);
  CHECK_FALSE(buffer.next());
}

TEST_CASE("a malformed header is refused") {
  FrameBuffer tiny(100);
  tiny.append(std::string("\3\0\0\0\0\0\0\0", 8));
  CHECK(tiny.next().error().code() == EPROTO);
  FrameBuffer dirty(100);
  dirty.append(std::string("\4\0\0\0\1\0\1\0", 8));
  CHECK(dirty.next().error().code() == EPROTO);
}

TEST_CASE("raw bytes after the last frame are given up") {
  FrameBuffer buffer(100);
  buffer.append(frame_of(1, "x") + "raw");
  REQUIRE(buffer.next()->has_value());
  CHECK(buffer.take_rest() == "raw");
  CHECK(buffer.take_rest().empty());
}

TEST_CASE("many frames in pieces of random size") {
  std::mt19937 random(7);
  std::string stream;
  for (int i = 0; i < 2000; ++i) {
    stream += frame_of(static_cast<std::uint16_t>(i), std::string(random() % 300, 'a' + i % 26));
  }
  FrameBuffer buffer(300);
  int expected = 0;
  for (std::size_t at = 0; at < stream.size();) {
    const std::size_t size = std::min<std::size_t>(random() % 700, stream.size() - at);
    buffer.append(std::string_view(stream).substr(at, size));
    at += size;
    for (;;) {
      const auto frame = buffer.next();
      REQUIRE(frame);
      if (!frame.value()) break;
      REQUIRE(frame.value()->type == expected++);
    }
  }
  CHECK(expected == 2000);
}

TEST_CASE("garbage never reads beyond what came") {
  std::mt19937 random(11);
  for (int round = 0; round < 2000; ++round) {
    FrameBuffer buffer(64);
    std::string garbage(random() % 200, '\0');
    for (char& c : garbage) c = static_cast<char>(random() % 8);
    buffer.append(garbage);
    for (int i = 0; i < 100; ++i) {
      const auto frame = buffer.next();
      if (!frame || !frame.value()) break;
      REQUIRE(frame.value()->payload.size() <= 64);
    }
  }
}

}  // namespace
}  // namespace fcvm::wire
