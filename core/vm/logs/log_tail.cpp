#include "core/vm/logs/log_tail.hpp"

#include <cstddef>
#include <string_view>

#include "core/log/log.hpp"
#include "core/vm/logs/container_log.hpp"

namespace fcvm::vm {
namespace {

constexpr std::size_t kLastLines = 15;

}  // namespace

std::string last_words(const std::filesystem::path& log) {
  std::string text;
  const auto read = read_container_log(log, {.tail = kLastLines}, [&](const LogLine& line) {
    text += line.text;
    if (line.complete) text += '\n';
    return true;
  });
  if (!read) log::debug("vm", "{}", read.error().message());
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

std::string log_tail(const std::filesystem::path& log) {
  const std::string words = last_words(log);
  std::string tail;
  for (std::string_view rest = words; !rest.empty();) {
    const auto end = rest.find('\n');
    tail += "\n    log: " + std::string(rest.substr(0, end));
    rest = end == std::string_view::npos ? "" : rest.substr(end + 1);
  }
  return tail;
}

}  // namespace fcvm::vm
