// See fd_name.hpp.
#include "core/base/io/fd_name.hpp"

#include <array>
#include <cerrno>
#include <climits>
#include <string_view>
#include <unistd.h>

namespace fcvm::base {

std::string fd_name(int fd) {
  if (fd == STDIN_FILENO) return "standard input";
  if (fd == STDOUT_FILENO) return "standard output";
  if (fd == STDERR_FILENO) return "standard error";
  const int kept = errno;  // which the message is about
  std::array<char, PATH_MAX> target{};
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const ssize_t length = ::readlink(link.c_str(), target.data(), target.size());
  errno = kept;
  if (length <= 0) return "a closed descriptor";
  const std::string_view text(target.data(), static_cast<std::size_t>(length));
  if (text.starts_with('/')) return std::string(text);
  // "socket:[123]", "anon_inode:[eventfd]": one of that kind.
  const auto colon = text.find(':');
  if (text.substr(0, colon) != "anon_inode") return "a " + std::string(text.substr(0, colon));
  return "a descriptor of the kind " + std::string(text.substr(colon + 1));
}

}  // namespace fcvm::base
