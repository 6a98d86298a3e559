// A test that cannot run here says so, and why: "skipped: <test case>: <why>". Its program then
// ends with kSkipped instead of 0, which ctest shows as skipped, never as passed. In CI,
// tests/run.sh fails when tests/may_be_skipped.txt does not allow it.
#pragma once

#include <string>

namespace fcvm::test {

constexpr int kSkipped = 77;

/// Prints it once for each test case, and counts it.
void skip(const std::string& why);

/// The exit code of a program whose tests ended with `code`.
int exit_code(int code);

}  // namespace fcvm::test

/// In a test case, or in a function that returns nothing.
#define FCVM_SKIP_IF(condition, why) \
  do {                               \
    if (condition) {                 \
      ::fcvm::test::skip(why);       \
      return;                        \
    }                                \
  } while (false)
