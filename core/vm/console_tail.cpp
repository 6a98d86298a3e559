#include "core/vm/console_tail.hpp"

#include <algorithm>
#include <fcntl.h>
#include <string_view>
#include <unistd.h>

#include "core/base/fd.hpp"

namespace fcvm::vm {
namespace {

constexpr std::size_t kTailBytes = 4096;
constexpr int kTailLines = 15;

std::string last_bytes(const std::filesystem::path& file) {
  // It lies where the VMM may put what it likes.
  auto fd = base::open_file(file.string(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (!fd) return {};
  const off_t size = ::lseek(fd->get(), 0, SEEK_END);
  std::string bytes(
      std::min<std::size_t>(kTailBytes, static_cast<std::size_t>(std::max<off_t>(size, 0))), '\0');
  const auto count =
      ::pread(fd->get(), bytes.data(), bytes.size(), size - static_cast<off_t>(bytes.size()));
  bytes.resize(static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
  return bytes;
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
