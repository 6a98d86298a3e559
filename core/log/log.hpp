// The process's one log: to stderr, as text for people or as JSON lines for machines.
//
// Owns the only use of spdlog; everyone else sees these functions and fmt's format strings.
#pragma once

#include <string>
#include <string_view>

#include <fmt/core.h>

#include <fcvm/result.hpp>

namespace fcvm::log {

enum class Level { kTrace, kDebug, kInfo, kWarning, kError, kOff };
enum class Format { kText, kJson };

/// "trace" "debug" "info" "warn" "error" "off".
Result<Level> parse_level(std::string_view text);

/// Colour is used on a terminal only, and not when NO_COLOR is set.
void configure(Level level, Format format);
[[nodiscard]] bool enabled(Level level);
[[nodiscard]] Format format();

/// One record; `component` says who speaks: "vm", "net.rootless". Dropped when standard error is
/// a pipe or a terminal whose reader has stopped to read.
void write(Level level, std::string_view component, std::string_view message);

/// To stderr, as it is. That a terminal has gone is no failure of what is told.
void say(std::string_view text);

/// How a failed command reports its error: always shown, whatever the level.
void report(const Error& error);

template <typename... Arguments>
void debug(std::string_view component, fmt::format_string<Arguments...> text, Arguments&&... args) {
  if (enabled(Level::kDebug)) {
    write(Level::kDebug, component, fmt::format(text, std::forward<Arguments>(args)...));
  }
}
template <typename... Arguments>
void info(std::string_view component, fmt::format_string<Arguments...> text, Arguments&&... args) {
  if (enabled(Level::kInfo)) {
    write(Level::kInfo, component, fmt::format(text, std::forward<Arguments>(args)...));
  }
}
template <typename... Arguments>
void warning(std::string_view component, fmt::format_string<Arguments...> text,
             Arguments&&... args) {
  if (enabled(Level::kWarning)) {
    write(Level::kWarning, component, fmt::format(text, std::forward<Arguments>(args)...));
  }
}

}  // namespace fcvm::log
