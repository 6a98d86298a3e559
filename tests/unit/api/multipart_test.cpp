// Bodies of forms, as browsers and clients send them and as nobody should.
#include "core/api/envd/multipart.hpp"

#include "tests/support/catch.hpp"
#include "tests/unit/api/byte_sources.hpp"

namespace fcvm::api::envd {
namespace {

using Parts = std::vector<std::pair<std::string, std::string>>;  // filename, content

std::string part(const std::string& disposition, const std::string& content) {
  return "--B\r\nContent-Disposition: form-data; " + disposition +
         "\r\nContent-Type: text/plain\r\n\r\n" + content + "\r\n";
}

/// Whatever the size of the pieces in which it comes: they have to agree.
Result<Parts> parse(const std::string& body) {
  std::optional<Result<Parts>> first;
  for (const std::size_t piece : {1UL, 2UL, 3UL, 5UL, 17UL, 100'000UL}) {
    Multipart form(source_of(body, piece), "B");
    auto parts = [&]() -> Result<Parts> {
      Parts all;
      while (const auto one = FCVM_TRY(form.next())) {
        auto content = FCVM_TRY(all_of(form));
        all.emplace_back(one->filename, std::move(content));
      }
      return all;
    }();
    if (!first) first = parts;
    CHECK(first->has_value() == parts.has_value());
    if (parts && *first) CHECK(**first == *parts);
  }
  return *first;
}

int code_of(const std::string& body) {
  const auto parsed = parse(body);
  return parsed ? 0 : parsed.error().code();
}

TEST_CASE("multipart: files with their names, in their order") {
  const auto parts =
      must(parse(part("name=\"file\"; filename=\"/tmp/a b.txt\"", "one") +
                 part("filename=plain; name=file", "") +
                 part("name=\"file\"; filename=\"q\\\"uo\\\\te;x\"", "three") + "--B--\r\n"));
  CHECK(parts == Parts{{"/tmp/a b.txt", "one"}, {"plain", ""}, {"q\"uo\\te;x", "three"}});
}

TEST_CASE("multipart: contents may look like boundaries") {
  const std::string tricky = "\r\n--A\r\n-\r\n--\r\n--b\r\n\r\n\n--B\n";
  const auto parts = must(parse(part("name=\"file\"; filename=\"f\"", tricky) + "--B--"));
  CHECK(parts == Parts{{"f", tricky}});
}

TEST_CASE("multipart: what stands before and after the parts is nothing") {
  const auto parts =
      must(parse("preamble\r\n" + part("filename=\"f\"", "x") + "--B--\r\nepilogue"));
  CHECK(parts == Parts{{"f", "x"}});
  CHECK(must(parse("--B--\r\n")).empty());
  CHECK(must(parse("--B\r\n\r\nno headers\r\n--B--")) == Parts{{"", "no headers"}});
}

TEST_CASE("multipart: a part that is not read is passed over") {
  Multipart form(
      source_of(part("name=\"a\"", std::string(200'000, 'x')) + part("name=\"b\"", "y") + "--B--",
                1000),
      "B");
  CHECK(must(form.next())->name == "a");
  CHECK(must(form.next())->name == "b");
  CHECK_FALSE(must(form.next()));
  CHECK_FALSE(must(form.next()));
}

TEST_CASE("multipart: a body that is cut off, or is none, is an error") {
  const std::string whole = part("filename=\"f\"", "content") + "--B--";
  for (std::size_t size = 0; size < whole.size(); ++size)
    CHECK(code_of(whole.substr(0, size)) == EINVAL);
  CHECK(code_of("no form at all") == EINVAL);
  CHECK(code_of("--B\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n\r\n--B--") == EINVAL);
}

TEST_CASE("multipart: the boundary is in the content type") {
  CHECK(must(Multipart::boundary_of("multipart/form-data; boundary=----x")) == "----x");
  CHECK(must(Multipart::boundary_of("multipart/form-data; a=b ; BOUNDARY=\"q;r\"")) == "q;r");
  CHECK_FALSE(Multipart::boundary_of("multipart/form-data"));
  CHECK_FALSE(Multipart::boundary_of("multipart/form-data; boundary="));
  CHECK_FALSE(Multipart::boundary_of("multipart/form-data; boundary=" + std::string(71, 'x')));
}

}  // namespace
}  // namespace fcvm::api::envd
