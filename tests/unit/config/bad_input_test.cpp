#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/catch.hpp"
#include "tests/unit/config/fixture.hpp"

using namespace fcvm::config;

namespace {

/// The error of a system file with this text, without the file's own name.
std::string error_of(const std::string& text) {
  Tree tree;
  const std::string file = tree.system(text);
  std::string message = tree.error();
  for (std::size_t at; (at = message.find(file)) != std::string::npos;) {
    message.erase(at, file.size());
  }
  return message;
}

std::string repeat(std::string_view text, std::size_t times) {
  std::string out;
  while (times-- > 0) out += text;
  return out;
}

}  // namespace

TEST_CASE("unknown keys and sections: position and nearest name") {
  CHECK(error_of("[run]\n\n  cpsu = 2\n") ==
        ":3:3: unknown key `cpsu` in [run]; did you mean `cpus`?");
  CHECK(error_of("[run]\nlevel = 'x'\n") ==
        ":2:1: unknown key `level` in [run]; it belongs in [log]");
  CHECK(error_of("[run]\nzzzzzz = 'x'\n") == ":2:1: unknown key `zzzzzz` in [run]");
  CHECK(error_of("[lgo]\n") == ":1:2: unknown section [lgo]; did you mean `log`?");
  CHECK(error_of("cpus = 2\n") ==
        ":1:1: unknown key `cpus` outside of any section; it belongs in [run]");
  CHECK(error_of("run = 2\n") == ":1:1: `run` must be a section, [run], not a whole number");
  CHECK(error_of("[[run]]\ncpus = 1\n").find("must be a section, [run], not a list") !=
        std::string::npos);
  CHECK(error_of("[run]\ncpu = 1\ncpus = 2\n") ==
        ":3:1: `cpus` sets `cpus`, which is already set in this table");
}

TEST_CASE("wrong types: what was expected, what was found, where") {
  CHECK(error_of("[run]\ncpus = 'two'") == ":2:8: `cpus`: expected a whole number, got a text");
  CHECK(error_of("[run]\ncpus = 2.5") == ":2:8: `cpus`: expected a whole number, got a fraction");
  CHECK(error_of("[run]\nname = 5") == ":2:8: `name`: expected a text, got a whole number");
  CHECK(error_of("[run]\nrm = 'yes'") == ":2:6: `rm`: expected `true` or `false`, got a text");
  CHECK(error_of("[run]\nmem = 'lots'") ==
        ":2:7: `mem`: expected a size such as `512M` or `2G`, got `lots`");
  CHECK(error_of("[run]\nmem = -5") ==
        ":2:7: `mem`: expected a size such as `512M` or `2G`, got `-5`");
  CHECK(error_of("[run]\ntimeout = true").find(":2:11: `timeout`: expected a duration") == 0);
  CHECK(error_of("[run]\ntimeout = 1979-05-27").find("got a time") != std::string::npos);
  CHECK(error_of("[run]\nenv-file = 'a'") ==
        ":2:12: `env-file`: expected a list of texts such as [\"a\", \"b\"], got a text");
  CHECK(error_of("[run]\nenv-file = ['a', 5]") ==
        ":2:18: `env-file`: expected a text as an item of the list, got a whole number");
  CHECK(error_of("[run]\nenv = 5").find("expected a table such as { KEY = \"value\" }") !=
        std::string::npos);
  CHECK(error_of("[run]\nenv = { A = 1 }") ==
        ":2:13: `env`: expected a text in quotes as the value of `A`, got a whole number");
  CHECK(error_of("[run]\nenv = ['=1']") == ":2:8: `env`: expected KEY=VALUE, got `=1`");
  CHECK(error_of("[run]\ncpus = 0") == ":2:8: `cpus`: expected between 1 and 256, got `0`");
  CHECK(error_of("[run]\npull = 'allways'").find("did you mean `always`?") != std::string::npos);
}

TEST_CASE("all mistakes are told at once, in order, at most twenty") {
  CHECK(error_of("[run]\nb1 = 1\ncpus = 'x'\n[nothing]\n[log]\nlevel = 5\n") ==
        ":2:1: unknown key `b1` in [run]\n"
        ":3:8: `cpus`: expected a whole number, got a text\n"
        ":4:2: unknown section [nothing]\n"
        ":6:9: `level`: expected a text, got a whole number");
  std::string many = "[run]\n";
  for (int i = 0; i < 30; ++i) many += "wrong" + std::to_string(i) + " = 1\n";
  const std::string message = error_of(many);
  CHECK(std::count(message.begin(), message.end(), '\n') == 20);
  CHECK(message.ends_with("\nand 10 more"));
}

TEST_CASE("files of several layers are all looked at") {
  Tree tree;
  const std::string first = tree.system("[run");
  const std::string second = tree.write("home/.config/fcvm/fcvm.toml", "[rnu]\n");
  const std::string message = tree.error();
  CHECK(message.find(first + ":1:5: not valid TOML: ") == 0);
  CHECK(message.find(second + ":1:2: unknown section [rnu]; did you mean `run`?") !=
        std::string::npos);
}

TEST_CASE("text that is not TOML: an error with its position") {
  CHECK(error_of("[run]\ncpus = \n").find(":2:8: not valid TOML: ") == 0);
  CHECK(error_of("[run]\ncpus = 1\ncpus = 2\n").find(":3:") == 0);
  CHECK(error_of("[run]\nname = 'x").find(":2:") == 0);
  CHECK(error_of("[run\n") ==
        ":1:5: not valid TOML: parsing table header: expected ']', saw '\\n'");
  CHECK(error_of(std::string("[run]\nname = \"a\0b\"\n", 18)).find(":2:") == 0);
  CHECK(error_of(std::string(1000, '\0')).find("not valid TOML: ") != std::string::npos);
}

TEST_CASE("bytes that are no UTF-8: the place of the first") {
  CHECK(error_of("[run]\nname = \"\xff\xfe\"\n") == ":2:9: not valid UTF-8");
  CHECK(error_of("[run]\nname = \"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\xc3\"\n") ==
        ":2:12: not valid UTF-8");
  for (const char* bad : {"\x80", "\xc3", "\xc0\xaf", "\xe0\x80\x80", "\xed\xa0\x80", "\xe2\x82",
                          "\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80"}) {
    CHECK(error_of("# " + std::string(bad)) == ":1:3: not valid UTF-8");
  }
  CHECK(error_of("[run]\nname = \"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"\n") == "no error");
}

TEST_CASE("a NUL in a text is refused, since C would end there") {
  for (const char* text :
       {R"(name = "a\u0000b")", R"(dns = ["a\u0000b"])", R"(env = {A = "\u0000"})"}) {
    Tree tree;
    tree.system(std::string("[run]\n") + text + "\n");
    CHECK(tree.error().find("cannot have a NUL character") != std::string::npos);
  }
}

TEST_CASE("nesting never reaches the stack's end") {
  const std::string too_large = ": is larger than 1 MiB, which no configuration is";
  CHECK(error_of("a = " + std::string(10'000'000, '[')) == too_large);
  CHECK(error_of("a = " + repeat("{a=", 3'400'000)) == too_large);
  CHECK(error_of("a = " + std::string(1'000'000, '[')).find(":1:") == 0);
  CHECK(error_of("a = " + repeat("{a=", 330'000)).find(":1:") == 0);
  CHECK(error_of("a = " + repeat("[{a=", 250'000)).find(":1:") == 0);
  const std::string long_key = "a key of more than 32 parts, which no option has";
  for (const char* part : {"a.", "\"a\".", "'a' . "}) {
    CHECK(error_of(repeat(part, 150'000) + "a = 1").find(long_key) != std::string::npos);
    CHECK(error_of("[" + repeat(part, 150'000) + "a]").find(long_key) != std::string::npos);
    CHECK(error_of("x = {" + repeat(part, 150'000) + "a = 1}").find(long_key) != std::string::npos);
  }
  CHECK(error_of("# \"\n[run]\nname = '''\n'''\n" + repeat("b.", 40) + "c = 1") ==
        ":5:64: " + long_key);
}

TEST_CASE("dots in strings and comments are no keys") {
  const std::string dots(100, '.');
  CHECK(error_of("# " + dots + "\n[run]\nname = \"" + dots + "\\\"" + dots + "\"\nuser = '" + dots +
                 "'\nhostname = \"\"\"\n" + dots + "\"\"\"\nworkdir = '''" + dots + "'''\n") ==
        "no error");
}

TEST_CASE("many keys are read in reasonable time") {
  std::string many = "[run.env]\n";
  for (int i = 0; i < 50'000; ++i) many += "k" + std::to_string(i) + " = 'v'\n";
  CHECK(error_of(many) == "no error");
}

TEST_CASE("a directory, a FIFO, an unreadable file, a dangling name") {
  Tree directory;
  std::filesystem::create_directories(directory.path("etc/fcvm/fcvm.toml"));
  CHECK(directory.error() == directory.path("etc/fcvm/fcvm.toml") + ": is a directory, not a file");

  Tree fifo;
  std::filesystem::create_directories(fifo.path("etc/fcvm"));
  REQUIRE(::mkfifo(fifo.path("etc/fcvm/fcvm.toml").c_str(), 0600) == 0);
  CHECK(fifo.error() == fifo.path("etc/fcvm/fcvm.toml") + ": is not a regular file");

  Tree loop;
  std::filesystem::create_directories(loop.path("etc/fcvm"));
  std::filesystem::create_symlink("fcvm.toml", loop.path("etc/fcvm/fcvm.toml"));
  CHECK(loop.error().find("fcvm.toml: cannot be read: ") != std::string::npos);

  Tree drop_ins;
  drop_ins.write("etc/fcvm/conf.d", "");
  CHECK(drop_ins.error() ==
        drop_ins.path("etc/fcvm/conf.d") + ": cannot be listed: Not a directory");

  Tree unreadable;
  const std::string file = unreadable.system("");
  ::chmod(file.c_str(), 0);
  if (::geteuid() != 0) CHECK(unreadable.error() == file + ": cannot be read: Permission denied");
}

TEST_CASE("only a file that was asked for must exist") {
  Tree tree;
  tree.request.config_file = tree.path("missing.toml");
  CHECK(tree.error() == tree.path("missing.toml") + ": cannot be read: No such file or directory");
}
