#include "core/api/envd/gzip.hpp"

#include "tests/support/catch.hpp"
#include "tests/unit/api/byte_sources.hpp"

namespace fcvm::api::envd {
namespace {

std::string packed(const std::string& text) {
  std::string all;
  Deflater deflater([&](std::string_view bytes) -> Result<void> {
    all += bytes;
    return {};
  });
  must(deflater.write(text));
  must(deflater.finish());
  return all;
}

Result<std::string> unpacked(const std::string& bytes, std::size_t piece = 3) {
  Inflated inflated(source_of(bytes, piece));
  return all_of(inflated);
}

TEST_CASE("gzip: what was packed comes out, whatever the pieces") {
  std::string text;
  for (std::size_t i = 0; i < 100'000; ++i) text += std::to_string(i * i);
  const auto bytes = packed(text);
  CHECK(bytes.size() < text.size());
  CHECK(must(unpacked(bytes)) == text);
  CHECK(must(unpacked(bytes, 1 << 20)) == text);
  CHECK(must(unpacked(packed(""))).empty());
  CHECK(must(unpacked(packed("a") + packed("b"))) == "ab");
}

TEST_CASE("gzip: what is cut off, or none, is an error, and nothing is an empty file") {
  const auto bytes = packed("some text");
  for (std::size_t size = 1; size < bytes.size(); ++size) {
    CHECK_FALSE(unpacked(bytes.substr(0, size)));
  }
  CHECK_FALSE(unpacked("no gzip at all"));
  CHECK_FALSE(unpacked(bytes + "rest"));
  auto broken = bytes;
  broken[broken.size() - 6] ^= 1;  // the checksum
  CHECK_FALSE(unpacked(broken));
  CHECK(must(unpacked("")).empty());
}

}  // namespace
}  // namespace fcvm::api::envd
