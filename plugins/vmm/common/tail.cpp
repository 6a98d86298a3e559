// See tail.hpp.
#include "plugins/vmm/common/tail.hpp"

#include <algorithm>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fcvm/sdk/fd.hpp>

namespace fcvm::vmm {

std::string printable(std::string text) {
  std::erase_if(text, [](char byte) {
    const auto value = static_cast<unsigned char>(byte);
    return (value < 0x20 && byte != '\n' && byte != '\t') || value >= 0x7f;
  });
  return text;
}

std::string tail_of(int directory_fd, const std::string& name, std::size_t limit) {
  const Fd file(::openat(directory_fd, name.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW));
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) return {};
  const off_t from = std::max<off_t>(0, status.st_size - static_cast<off_t>(limit));
  std::string text(limit, '\0');
  const ssize_t count = ::pread(file.get(), text.data(), text.size(), from);
  text.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
  if (from > 0 && text.find('\n') + 1 < text.size()) text.erase(0, text.find('\n') + 1);
  text = printable(std::move(text));
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

std::string kernel_panic_in(std::string_view console) {
  const auto at = console.rfind("Kernel panic - not syncing");
  const auto end = console.rfind("end Kernel panic");
  const auto begin =
      end != std::string_view::npos && at > end ? console.rfind("Kernel panic", end) : at;
  if (begin == std::string_view::npos) return {};
  const auto line = console.substr(begin, console.find('\n', begin) - begin);
  return std::string(line.substr(0, 160));
}

}  // namespace fcvm::vmm
