#include "core/cli/session/signals.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <csignal>
#include <string>

namespace fcvm::cli {
namespace {

/// Nothing but a number, or -1.
int whole_number(std::string_view text) {
  int number = -1;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  return parsed.ec == std::errc() && parsed.ptr == text.data() + text.size() ? number : -1;
}

/// "RTMIN+3", "RTMAX-1".
int realtime_signal(std::string_view name) {
  const bool from_min = name.substr(0, 5) == "RTMIN";
  if (!from_min && name.substr(0, 5) != "RTMAX") return -1;
  const int base = from_min ? SIGRTMIN : SIGRTMAX;
  name.remove_prefix(5);
  if (name.empty()) return base;
  const int offset = name.front() == (from_min ? '+' : '-') ? whole_number(name.substr(1)) : -1;
  return offset < 0 ? -1 : from_min ? base + offset : base - offset;
}

int named_signal(const std::string& name) {
  if (name == "CLD") return SIGCHLD;
  if (name == "IOT") return SIGABRT;
  if (name == "POLL") return SIGIO;
  for (int number = 1; number < SIGRTMIN; ++number) {
    const char* abbreviation = ::sigabbrev_np(number);
    if (abbreviation != nullptr && name == abbreviation) return number;
  }
  return realtime_signal(name);
}

}  // namespace

Result<int> parse_signal(std::string_view text) {
  std::string name(text);
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  if (name.compare(0, 3, "SIG") == 0) name.erase(0, 3);
  const int number = whole_number(name) >= 0 ? whole_number(name) : named_signal(name);
  if (number >= 1 && number <= SIGRTMAX) return number;
  return fail(EINVAL, "\"" + std::string(text) + "\" is not a signal",
              "name it as in TERM, SIGTERM or 15");
}

}  // namespace fcvm::cli
