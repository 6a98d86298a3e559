// See confirm.hpp.
#include "core/cli/session/confirm.hpp"

#include <array>
#include <cstdio>
#include <unistd.h>

#include <fmt/core.h>

namespace fcvm::cli {

Result<bool> confirm(const Invocation& invocation, const std::string& what) {
  if (invocation.flag("force") || ::isatty(STDIN_FILENO) != 1) return true;
  fmt::print(stderr, "{}\nGo on? [y/N] ", what);
  std::fflush(stderr);
  std::array<char, 256> answer{};
  const ssize_t got = ::read(STDIN_FILENO, answer.data(), answer.size());
  if (got < 0) return fail_errno("reading the answer");
  return got > 0 && (answer[0] == 'y' || answer[0] == 'Y');
}

config::Option unasked_option() {
  return {.name = "force", .type = config::Type::kBoolean, .help = "ask nothing", .letter = 'f'};
}

}  // namespace fcvm::cli
