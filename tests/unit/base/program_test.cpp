#include "core/base/process/program.hpp"

#include <cstdlib>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/io/file.hpp"
#include "core/base/io/temp_dir.hpp"
#include "tests/unit/base/support.hpp"

namespace fcvm::base {
namespace {

TEST_CASE("a program is found in PATH, or beside it, but never by where we are") {
  const TempDir directory = must(TempDir::create());
  const std::string program = directory.path() + "/frobnicate";
  must(write_file_atomic(program, "#!/bin/sh\n", 0755));
  must(write_file_atomic(directory.path() + "/notes", "text\n", 0644));
  REQUIRE(::mkdir((directory.path() + "/folder").c_str(), 0755) == 0);
  const std::string before = std::getenv("PATH");
  ::setenv("PATH", ("/nowhere:" + directory.path()).c_str(), 1);
  CHECK(find_program("frobnicate") == program);
  CHECK(find_program("notes").empty());
  CHECK(find_program("folder").empty());
  CHECK(find_program(program) == program);
  CHECK(find_program(directory.path() + "/notes").empty());
  ::setenv("PATH", "/nowhere", 1);
  CHECK(find_program("frobnicate").empty());
  CHECK(find_program("frobnicate", directory.path()) == program);
  ::setenv("PATH", ".:", 1);
  REQUIRE(::chdir(directory.path().c_str()) == 0);
  CHECK(find_program("frobnicate").empty());
  REQUIRE(::chdir("/") == 0);
  ::setenv("PATH", before.c_str(), 1);
}

}  // namespace
}  // namespace fcvm::base
