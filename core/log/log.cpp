#include "core/log/log.hpp"

#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include <spdlog/spdlog.h>

#include "core/base/printable.hpp"
#include "core/log/bounded_file.hpp"
#include "core/log/patient_sink.hpp"

namespace fcvm::log {
namespace {

constexpr std::array<std::pair<std::string_view, Level>, 6> kLevels = {{
    {"trace", Level::kTrace},
    {"debug", Level::kDebug},
    {"info", Level::kInfo},
    {"warn", Level::kWarning},
    {"error", Level::kError},
    {"off", Level::kOff},
}};

struct State {
  Level level = Level::kWarning;
  Format format = Format::kText;
  std::shared_ptr<spdlog::logger> logger;
};

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::kTrace:
      return spdlog::level::trace;
    case Level::kDebug:
      return spdlog::level::debug;
    case Level::kInfo:
      return spdlog::level::info;
    case Level::kWarning:
      return spdlog::level::warn;
    case Level::kError:
      return spdlog::level::err;
    case Level::kOff:
      return spdlog::level::off;
  }
  return spdlog::level::info;
}

bool wants_colour() {
  const char* no_colour = std::getenv("NO_COLOR");
  return ::isatty(STDERR_FILENO) == 1 && (no_colour == nullptr || *no_colour == '\0');
}

std::atomic<std::uint64_t> most_in_file = 0;  // 0: stderr is not a file of ours

/// Warnings look as errors do. Who reads a log later, or asked for the stages of what is done,
/// wants to know when each thing happened. A JSON record carries its own quotes: the message is
/// escaped text, from the quote on.
const char* pattern_of(Level level, Format format) {
  if (format == Format::kJson) {
    return R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l","pid":%P,%v})";
  }
  if (most_in_file != 0) return "%H:%M:%S.%e %l %v";
  return level < Level::kInfo ? "%H:%M:%S.%e %^%l%$ %v" : "%^fcvm: %l:%$ %v";
}

std::shared_ptr<spdlog::logger> make_logger(Level level, Format format) {
  auto sink = std::make_shared<PatientSink>(STDERR_FILENO, format, wants_colour());
  auto logger = std::make_shared<spdlog::logger>("fcvm", std::move(sink));
  logger->set_pattern(pattern_of(level, format));
  logger->set_level(to_spdlog(level));
  logger->flush_on(spdlog::level::trace);
  return logger;
}

State& state() {
  static State instance{Level::kWarning, Format::kText,
                        make_logger(Level::kWarning, Format::kText)};
  return instance;
}

/// What is not UTF-8 would spoil the record for who reads it, so it is written as "\x9b".
std::string json_text(std::string_view text) {
  std::string quoted = "\"";
  while (!text.empty()) {
    const std::size_t length = base::utf8_length(text);
    const std::string_view character = text.substr(0, length == 0 ? 1 : length);
    text.remove_prefix(character.size());
    const auto byte = static_cast<unsigned char>(character.front());
    if (length == 0) {
      quoted += fmt::format("\\\\x{:02x}", byte);
    } else if (byte == '"' || byte == '\\') {
      quoted += {'\\', character.front()};
    } else if (byte < 0x20 || byte == 0x7f) {
      quoted += fmt::format("\\u{:04x}", byte);
    } else {
      quoted += character;
    }
  }
  return quoted + '"';
}

/// Text from a guest or a program must not move the cursor or forge a second record.
std::string printable(std::string_view text) {
  return base::printable(text, base::Newlines::kIndented);
}

/// By its size, and not by what was written: children may have it for their stderr, too.
void cut_file() {
  struct stat info {};
  if (most_in_file == 0 || ::fstat(STDERR_FILENO, &info) != 0 || !S_ISREG(info.st_mode)) return;
  if (static_cast<std::uint64_t>(info.st_size) < most_in_file) return;
  if (::ftruncate(STDERR_FILENO, 0) == 0) {
    std::fputs("what was said before was dropped: the file was full\n", stderr);
  }
}

}  // namespace

Result<Level> parse_level(std::string_view text) {
  for (const auto& [name, level] : kLevels) {
    if (name == text) return level;
  }
  return fail(
      EINVAL,
      fmt::format("log level \"{}\" is none of trace, debug, info, warn, error, off", text));
}

void configure(Level level, Format format) {
  state() = {level, format, make_logger(level, format)};
}

bool enabled(Level level) { return level >= state().level && level != Level::kOff; }

Format format() { return state().format; }

void bound_file(std::uint64_t most) {
  most_in_file = most;
  state().logger->set_pattern(pattern_of(state().level, state().format));
}

void write(Level level, std::string_view component, std::string_view message) {
  const State& now = state();
  const auto to = to_spdlog(level);
  cut_file();
  if (now.format == Format::kJson) {
    now.logger->log(to, "\"component\":{},\"message\":{}", json_text(component),
                    json_text(message));
  } else {
    now.logger->log(to, "{}: {}", component, printable(message));
  }
}

void say(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stderr); }

void report(const Error& error) {
  if (state().format == Format::kJson) {
    return say(fmt::format("{{\"level\":\"error\",\"code\":{},\"message\":{},\"remedy\":{}}}\n",
                           error.code(), json_text(error.message()), json_text(error.remedy())));
  }
  const bool colour = wants_colour();
  say(fmt::format("{}fcvm: {}{}\n", colour ? "\033[1;31m" : "", colour ? "\033[0m" : "",
                  printable(error.message())));
  if (!error.remedy().empty()) say(fmt::format("  to fix: {}\n", printable(error.remedy())));
}

}  // namespace fcvm::log
