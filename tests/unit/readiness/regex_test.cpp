// Regular expressions over bytes that a guest writes.
#include "plugins/readiness/common/regex.hpp"

#include <string>

#include "tests/support/catch.hpp"
#include "tests/support/must.hpp"

namespace fcvm::readiness {
namespace {

/// In pieces of a byte, which is what a stream may come to.
bool matches(const std::string& pattern, std::string_view text) {
  const Regex regex = must(Regex::compile(pattern));
  RegexSearch whole(regex);
  whole.feed(text);
  RegexSearch pieces(regex);
  for (const char& byte : text) pieces.feed({&byte, 1});
  CHECK(whole.finish() == pieces.finish());
  return whole.matched();
}

TEST_CASE("a pattern matches anywhere in the text") {
  CHECK(matches("ready", "server is ready, at last"));
  CHECK_FALSE(matches("ready", "not rea dy"));
  CHECK(matches("", "anything"));
  CHECK(matches("", ""));
  CHECK(matches("l[io]st(en|ening)? on \\d+", "now listening on 8080"));
  CHECK(matches("(a|b)+c{2,3}$", "xababcc"));
  CHECK_FALSE(matches("(a|b)+c{2,3}$", "xababc"));
  CHECK(matches("a{0}b", "b"));
  CHECK(matches("(?:ab){2,}$", "ababab"));
  CHECK(matches("x.*?y", "x and y"));
}

TEST_CASE("anchors are those of lines, and a dot stops at their end") {
  CHECK(matches("^abc$", "abc"));
  CHECK(matches("^abc$", "x\nabc\ny"));
  CHECK_FALSE(matches("^abc$", "xabc"));
  CHECK_FALSE(matches("^abc$", "abcx\n"));
  CHECK_FALSE(matches("a.c", "a\nc"));
  CHECK(matches("a\\nc", "a\nc"));
  CHECK(matches("a\\sc", "a\nc"));
  CHECK(matches("^$", "a\n\nb"));
}

TEST_CASE("classes are bytes, whatever the locale is") {
  CHECK(matches("[[:digit:]]+ms", "took 12ms"));
  CHECK(matches("[^a-z]x", "Ax"));
  CHECK_FALSE(matches("[^a-z]x", "ax"));
  CHECK(matches("[]x]y", "]y"));
  CHECK(matches("[a\\-z]y", "-y"));
  CHECK(matches("\\W\\w\\D", "-a-"));
  CHECK(matches("(?i)ReAdy [a-c]", "rEADY B"));
  CHECK(matches("\\x00\\xff", std::string_view("\0\xff", 2)));
  CHECK(matches("é+x", "ééx"));
}

TEST_CASE("what needs backtracking, or is wrong, is refused with its place") {
  for (const char* pattern : {"(", ")", "a{2", "a{x}", "*a", "\\b", "(a)\\1", "(?=a)", "[a",
                              "[z-a]", "[[:nothing:]]", "\\", "\\x0", "a{3,2}", "a{1001}", "[é]"}) {
    INFO(pattern);
    const auto compiled = Regex::compile(pattern);
    REQUIRE_FALSE(compiled);
    CHECK(compiled.error().code() == EINVAL);
    CHECK(compiled.error().message().find("byte ") != std::string::npos);
  }
  CHECK_FALSE(Regex::compile("((a{100}){100}){100}"));
  CHECK_FALSE(Regex::compile(std::string(300, '(') + std::string(300, ')')));
  CHECK_FALSE(Regex::compile(std::string(5000, 'a')));
}

TEST_CASE("a hostile text costs no more than its length") {
  // Each of them takes a backtracking engine an eternity.
  for (const char* pattern :
       {"(x+x+)+y", "(x|xx)+$z", "(x*)*y", "x{0,500}x{0,500}y", "[^y]{0,900}yy"}) {
    INFO(pattern);
    const Regex regex = must(Regex::compile(pattern));
    RegexSearch search(regex);
    std::string text(1 << 20, 'x');
    for (std::size_t i = 0; i < text.size(); i += 7) text[i] = static_cast<char>('a' + i % 13);
    CHECK_FALSE(search.feed(text));
    CHECK_FALSE(search.finish());
  }
}

TEST_CASE("a search that has forgotten its states goes on where it was") {
  // The states of this one are the subsets of the last twelve bytes: more than are kept.
  const Regex regex = must(Regex::compile("a[ab]{11}c"));
  RegexSearch search(regex);
  std::uint32_t seed = 1;
  for (int i = 0; i < 200'000; ++i) {
    seed = seed * 1664525 + 1013904223;
    CHECK_FALSE(search.feed((seed >> 24) % 2 == 0 ? "a" : "b"));
  }
  search.feed("abbbbbbbbbbb");
  CHECK(search.feed("c"));
  CHECK(search.feed("and for ever"));
}

}  // namespace
}  // namespace fcvm::readiness
