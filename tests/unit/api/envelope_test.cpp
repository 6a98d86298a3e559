// The frames of Connect's streams, and base64.
#include "core/api/connect/envelope.hpp"

#include <string>

#include "tests/support/catch.hpp"

namespace fcvm::api::connect {
namespace {

TEST_CASE("an envelope is read in pieces of any size") {
  std::string bytes;
  append_envelope(bytes, 0, "{\"a\":1}");
  append_envelope(bytes, kLast, "{}");
  REQUIRE(bytes.substr(0, 5) == std::string("\0\0\0\0\7", 5));
  EnvelopeReader reader;
  std::string seen;
  for (const char byte : bytes) {
    reader.append(std::string_view(&byte, 1));
    const auto next = reader.next();
    REQUIRE(next);
    if (*next) seen += std::to_string((*next)->flags) + (*next)->message + ' ';
  }
  CHECK(seen == "0{\"a\":1} 2{} ");
  CHECK(reader.is_empty());
}

TEST_CASE("an envelope that is too large or compressed ends the stream before it is held") {
  EnvelopeReader large;
  large.append(std::string("\0\x7f\xff\xff\xff", 5));
  CHECK(large.next().error().code() == EFBIG);
  EnvelopeReader compressed;
  compressed.append(std::string("\1\0\0\0\0", 5));
  CHECK(compressed.next().error().code() == ENOTSUP);
}

TEST_CASE("base64 there and back") {
  std::string bytes;
  for (int i = 0; i < 260; ++i) {
    CHECK(from_base64(base64(bytes)) == bytes);
    bytes += static_cast<char>(i);
  }
  CHECK(base64("hi") == "aGk=");
  CHECK(from_base64("aGk") == "hi");
  CHECK(from_base64("-_8") == from_base64("+/8="));
  CHECK_FALSE(from_base64("a"));
  CHECK_FALSE(from_base64("aG k"));
}

}  // namespace
}  // namespace fcvm::api::connect
