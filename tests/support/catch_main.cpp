// main() of every unit test program, and what is counted for its exit code.
#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_session.hpp>
#else
#define CATCH_CONFIG_RUNNER
#endif

#include <cstdio>
#include <cstdlib>
#include <set>
#include <string>
#include <sys/stat.h>

#include "tests/support/catch.hpp"
#include "tests/support/skip.hpp"

namespace fcvm::test {
namespace {

std::set<std::string>& skipped() {
  static std::set<std::string> lines;
  return lines;
}

}  // namespace

void skip(const std::string& why) {
  const std::string line =
      "skipped: " + Catch::getResultCapture().getCurrentTestName() + ": " + why + "\n";
  if (!skipped().insert(line).second) return;
  std::fputs(line.c_str(), stdout);
  std::fflush(stdout);
}

int exit_code(int code) { return code == 0 && !skipped().empty() ? kSkipped : code; }

}  // namespace fcvm::test

int main(int argc, char** argv) {
  // Files that tests make have the modes that they ask for, whoever runs them, and an ordinary user
  // of Debian has no sbin.
  ::umask(022);
  const char* path = std::getenv("PATH");
  ::setenv("PATH",
           (std::string(path != nullptr ? path : "/usr/bin:/bin") + ":/usr/sbin:/sbin").c_str(), 1);
  return fcvm::test::exit_code(Catch::Session().run(argc, argv));
}
