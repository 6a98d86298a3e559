#include "core/wire/hello.hpp"

#include "tests/support/catch.hpp"

namespace fcvm::wire {
namespace {

Hello speaking(std::uint32_t oldest, std::uint32_t newest) {
  return {oldest, newest, "fcvm test", "", {}};
}

TEST_CASE("the newest common version is taken, whoever is newer") {
  CHECK(*negotiate(speaking(1, 3), speaking(2, 5)) == 3);
  CHECK(*negotiate(speaking(2, 5), speaking(1, 3)) == 3);
  CHECK(*negotiate(speaking(4, 4), speaking(4, 4)) == 4);
}

TEST_CASE("without a common version the error says which side to update") {
  const auto older = negotiate(speaking(3, 4), speaking(1, 2));
  REQUIRE_FALSE(older);
  CHECK(older.error().code() == EPROTONOSUPPORT);
  CHECK(older.error().remedy() == "update the peer");
  CHECK(negotiate(speaking(1, 2), speaking(3, 4)).error().remedy() == "update this side");
  CHECK_FALSE(negotiate(speaking(1, 9), speaking(5, 4)));
}

TEST_CASE("a recorded hello of version 1 stays readable") {
  const std::string recorded(
      "\x26\0\0\0\1\0\0\0"
      "\1\0\1\0\0\0\1"
      "\2\0\1\0\0\0\1"
      "\3\0\4\0\0\0fcvm"
      "\4\0\4\0\0\0abcd",
      42);
  FrameBuffer buffer(kMaxHello);
  buffer.append(recorded);
  const auto frame = buffer.next();
  REQUIRE(frame);
  REQUIRE(frame.value());
  const auto hello = decode<Hello>(**frame);
  REQUIRE(hello);
  CHECK(hello->software == "fcvm");
  CHECK(hello->instance == "abcd");
  CHECK(*negotiate(Hello{}, *hello) == 1);
  CHECK(encode(Hello{1, 1, "fcvm", "abcd", {}}) == recorded);
}

TEST_CASE("a hello from the future is understood as far as it concerns us") {
  Encoder encoder;
  const Hello newer = speaking(1, 40);
  Hello::fields(newer, encoder);
  encoder(77, std::string("news"));
  const std::string payload = encoder.take();
  CHECK(*negotiate(Hello{}, *decode<Hello>(Frame{Hello::kType, payload})) == kNewestVersion);
}

}  // namespace
}  // namespace fcvm::wire
