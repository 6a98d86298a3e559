// See log_options.hpp.
#include "core/plan/log_options.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <variant>

#include <fmt/core.h>

#include "core/config/option.hpp"
#include "core/vm/logs/journal_log.hpp"

namespace fcvm::plan {
namespace {

/// A file holds at least some lines of the longest kind.
constexpr std::uint64_t kLeastSize = 64 * config::kKiB;
constexpr unsigned kMostFiles = 1000;

Result<std::uint64_t> max_size(const std::string& text) {
  const config::Option option{.name = "max-size", .type = config::Type::kSize};
  const auto value = FCVM_TRY(config::parse(option, text) | context("--log-opt max-size"));
  const std::uint64_t bytes = std::get<config::Size>(value).bytes;
  if (bytes >= kLeastSize) return bytes;
  return fail(EINVAL, fmt::format("--log-opt max-size: {} is too small for a log", text),
              "give it at least max-size=64K; --log-driver none keeps no log");
}

Result<unsigned> max_files(const std::string& text) {
  unsigned number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size() && number >= 1 &&
      number <= kMostFiles) {
    return number;
  }
  return fail(EINVAL, fmt::format("--log-opt max-file: \"{}\" is not a number from 1 to {}", text,
                                  kMostFiles));
}

Result<base::RotatingFile::Limits> file_limits(const config::Map& options) {
  base::RotatingFile::Limits limits;
  for (const auto& [key, value] : options) {
    if (key == "max-size") {
      limits.max_size = FCVM_TRY(max_size(value));
    } else if (key == "max-file") {
      limits.max_files = FCVM_TRY(max_files(value));
    } else {
      return fail(EINVAL, fmt::format("--log-opt {}: there is no such option of a log", key),
                  "there are max-size=SIZE and max-file=NUMBER");
    }
  }
  return limits;
}

/// "max-size=1M,max-file=2" in one word means both.
config::Map apart(const config::Map& given) {
  config::Map options;
  for (const auto& [first, all] : given) {
    std::string key = first, value = all;
    for (std::size_t comma; (comma = value.find(',')) != std::string::npos;) {
      options[key] = value.substr(0, comma);
      value.erase(0, comma + 1);
      const std::size_t equals = std::min(value.find('='), value.size());
      key = value.substr(0, equals);
      value.erase(0, equals + 1);
    }
    options[key] = value;
  }
  return options;
}

}  // namespace

Result<vm::LogDriver> log_driver(const config::Config& config, bool detached, bool tty) {
  vm::LogDriver driver{.name = config.text("run", "log-driver")};
  if (driver.name == "json-file") driver.name = vm::LogDriver::kFile;  // as podman takes it
  const config::Map options = apart(config.map("run", "log-opt"));
  driver.limits = FCVM_TRY(file_limits(options));
  if (driver.name != vm::LogDriver::kFile && !options.empty()) {
    return fail(EINVAL, fmt::format("--log-opt: the log driver {} has no options", driver.name),
                "they are for --log-driver k8s-file");
  }
  if (driver.name == vm::LogDriver::kPassthrough && (detached || tty)) {
    return fail(EINVAL,
                fmt::format("--log-driver passthrough: with {} there are no streams to pass to",
                            detached ? "--detach" : "--tty"),
                "take --log-driver none to keep no log");
  }
  std::error_code error;
  if (driver.name == vm::LogDriver::kJournal &&
      !std::filesystem::exists(vm::kJournalSocket, error)) {
    return fail(ENOENT,
                fmt::format("--log-driver journald: {} is not there; no journald runs here",
                            vm::kJournalSocket),
                "take --log-driver k8s-file");
  }
  return driver;
}

}  // namespace fcvm::plan
