#include "core/base/io/framing.hpp"

#include "tests/unit/base/support.hpp"

namespace fcvm::base {
namespace {

TEST_CASE("frames come out as they went in, however the bytes are cut") {
  const std::string big(70'000, 'x');
  const std::string stream =
      must(encode_frame("one")) + must(encode_frame("")) + must(encode_frame(big));
  FrameReader byte_by_byte(1 << 20);
  for (const char byte : stream) must(byte_by_byte.append({&byte, 1}));
  FrameReader at_once(1 << 20);
  must(at_once.append(stream));
  for (FrameReader* reader : {&byte_by_byte, &at_once}) {
    CHECK(reader->pop() == "one");
    CHECK(reader->pop() == "");
    CHECK(reader->pop() == big);
    CHECK_FALSE(reader->pop().has_value());
  }
}

TEST_CASE("the length is 32 bits, little-endian") {
  CHECK(must(encode_frame("ab")) == std::string("\x02\x00\x00\x00"
                                                "ab",
                                                6));
}

TEST_CASE("a frame over the limit is refused at its header, and the stream is lost") {
  FrameReader reader(8);
  must(reader.append(must(encode_frame("12345678"))));
  must(reader.append(std::string_view("\xff\xff\xff", 3)));
  CHECK(reader.append("\xff").error().code() == EMSGSIZE);
  CHECK(reader.append("x").error().code() == EPROTO);
  CHECK(reader.pop() == "12345678");
  CHECK_FALSE(reader.pop().has_value());
}

TEST_CASE("a payload over the peer's limit is not sent") {
  CHECK(encode_frame("123", 2).error().code() == EMSGSIZE);
}

}  // namespace
}  // namespace fcvm::base
