#include "core/plugin/scan.hpp"

#include <fmt/core.h>

#include "core/plugin/isolated.hpp"
#include "core/plugin/loader.hpp"

namespace fcvm::plugin {
namespace {

namespace fs = std::filesystem;

// A message is a success byte and JSON, or a failure byte, the errno, the message and the remedy.
constexpr char kDescribed = 'd';
constexpr char kFailed = 'f';
constexpr char kSeparator = '\0';

std::string describe_file(const fs::path& path) {
  auto descriptor = [&]() -> Result<Descriptor> {
    const Object object = FCVM_TRY(Object::from_path(path));
    return FCVM_TRY(describe(object.table()) | context("plugin " + path.string()));
  }();
  std::string whole = descriptor ? kDescribed + to_json(*descriptor) : "";
  if (!whole.empty() && whole.size() <= Isolated::kLargestMessage) return whole;
  const Error error = descriptor
                          ? Error(EMSGSIZE, fmt::format("plugin {}: its description has {} MiB",
                                                        path.string(), whole.size() >> 20))
                          : descriptor.error();
  return fmt::format("{}{}{}{}{}{}", kFailed, error.code(), kSeparator, error.message(), kSeparator,
                     error.remedy());
}

Result<Descriptor> read_message(std::string_view message) {
  if (message.empty()) return fail(EPROTO, "an empty answer");
  const char tag = message.front();
  message.remove_prefix(1);
  if (tag == kDescribed) return descriptor_from_json(message);
  const auto first = message.find(kSeparator);
  const auto second = message.find(kSeparator, first + 1);
  if (first == std::string_view::npos || second == std::string_view::npos) {
    return fail(EPROTO, "a garbled answer");
  }
  return fail(std::atoi(std::string(message.substr(0, first)).c_str()),
              std::string(message.substr(first + 1, second - first - 1)),
              std::string(message.substr(second + 1)));
}

Error blame(const fs::path& path, const Error& error, std::chrono::milliseconds limit) {
  if (error.code() == ETIMEDOUT) {
    return Error(ETIMEDOUT,
                 fmt::format("plugin {} did not describe itself within {} ms and was given up",
                             path.string(), limit.count()),
                 fmt::format("remove it, or see fcvm-plugin-check {}", path.string()));
  }
  return Error(error.code(),
               fmt::format("plugin {}: while describing itself {}", path.string(), error.message()),
               fmt::format("remove it, or see fcvm-plugin-check {}", path.string()));
}

/// Scans from `paths[next]` on in one child; returns where it had to stop.
std::size_t scan_from(std::size_t next, const std::vector<fs::path>& paths,
                      std::chrono::milliseconds limit, std::vector<Scanned>& results) {
  auto child = Isolated::start([&](const Isolated::Send& send) {
    for (std::size_t i = next; i < paths.size(); ++i) send(describe_file(paths[i]));
  });
  for (; next < paths.size(); ++next) {
    auto message = child ? child->receive(base::Deadline::in(limit))
                         : Result<std::string>(unexpected(child.error()));
    if (!message) {
      results.push_back({paths[next], unexpected(blame(paths[next], message.error(), limit))});
      return next + 1;
    }
    results.push_back({paths[next], read_message(*message)});
  }
  return next;
}

}  // namespace

std::vector<Scanned> scan(const std::vector<fs::path>& paths, std::chrono::milliseconds limit) {
  std::vector<Scanned> results;
  for (std::size_t next = 0; next < paths.size();) {
    next = scan_from(next, paths, limit, results);
  }
  return results;
}

}  // namespace fcvm::plugin
