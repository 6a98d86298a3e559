#include "core/base/printable.hpp"

#include "tests/support/catch.hpp"

namespace fcvm::base {
namespace {

TEST_CASE("text stays as it is, in any script") {
  CHECK(printable("web 1") == "web 1");
  CHECK(printable("Gr\xc3\xbc\xc3\x9f"
                  "e \xe2\x82\xac \xf0\x9f\x90\xb3") ==
        "Gr\xc3\xbc\xc3\x9f"
        "e \xe2\x82\xac \xf0\x9f\x90\xb3");
}

TEST_CASE("nothing moves the cursor or turns text around") {
  CHECK(printable("\x1b[2J\r\x7f") == "\\x1b[2J\\x0d\\x7f");
  // CSI as one character: U+009B, and the same in 8 bits.
  CHECK(printable("\xc2\x9b"
                  "31m") == "\\xc2\\x9b31m");
  CHECK(printable("\x9b"
                  "31m") == "\\x9b31m");
  CHECK(printable("a\xe2\x80\xae"
                  "b") == "a\\xe2\\x80\\xaeb");
  CHECK(printable("a\xe2\x81\xa6"
                  "b") == "a\\xe2\\x81\\xa6b");
  CHECK(printable("\xed\xa0\x80") == "\\xed\\xa0\\x80");  // a surrogate is not a character
  CHECK(printable("\xe2\x82") == "\\xe2\\x82");           // cut in the middle
}

TEST_CASE("a newline cannot begin a record of its own") {
  CHECK(printable("a\nb") == "a\\x0ab");
  CHECK(printable("a\n12:00:00 error vm: forged", Newlines::kIndented) ==
        "a\n  12:00:00 error vm: forged");
  CHECK(printable("a\n    console: b\tc", Newlines::kIndented) == "a\n    console: b\tc");
}

TEST_CASE("JSON keeps its value, and moves no cursor") {
  CHECK(printable_json("{\n  \"a\": \"Gr\xc3\xbc\xc3\x9f\"\n}") ==
        "{\n  \"a\": \"Gr\xc3\xbc\xc3\x9f\"\n}");
  CHECK(printable_json("\xc2\x9b\x7f\xe2\x80\xae") == "\\u009b\\u007f\\u202e");
}

TEST_CASE("lines that stand alone are kept as they are") {
  CHECK(printable("a\r\n\tb\nc\rd\x1b[2J\n", Newlines::kKept) == "a\n\tb\nc\\x0dd\\x1b[2J\n");
}

}  // namespace
}  // namespace fcvm::base
