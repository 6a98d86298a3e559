#include "core/vm/logs/console_tail.hpp"

#include <algorithm>
#include <fcntl.h>
#include <string_view>

#include "core/base/io/fd.hpp"
#include "core/base/io/rotating_file.hpp"

namespace fcvm::vm {
namespace {

constexpr std::size_t kTailBytes = 4096;
constexpr int kTailLines = 15;

std::string last_bytes(const std::filesystem::path& file) {
  const auto directory = base::open_file(file.parent_path().string(), O_PATH | O_DIRECTORY);
  if (!directory) return {};
  return base::last_bytes_of(directory->get(), file.filename().string(), kTailBytes);
}

}  // namespace

std::string console_tail(const std::filesystem::path& console) {
  std::string bytes = last_bytes(console);
  bytes.erase(std::remove(bytes.begin(), bytes.end(), '\r'), bytes.end());
  while (!bytes.empty() && bytes.back() == '\n') bytes.pop_back();
  std::size_t begin = bytes.size();
  for (int lines = 0; lines < kTailLines && begin != 0; ++lines) {
    begin = bytes.rfind('\n', begin - 1);
    if (begin == std::string::npos) begin = 0;
  }
  std::string tail;
  std::string_view rest = std::string_view(bytes).substr(begin);
  while (!rest.empty()) {
    const auto end = rest.find('\n');
    const auto line = rest.substr(0, end);
    if (!line.empty()) tail += "\n    console: " + std::string(line);
    rest = end == std::string_view::npos ? "" : rest.substr(end + 1);
  }
  return tail;
}

}  // namespace fcvm::vm
