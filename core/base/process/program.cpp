#include "core/base/process/program.hpp"

#include <algorithm>
#include <cstdlib>
#include <sys/stat.h>
#include <unistd.h>

namespace fcvm::base {
namespace {

bool is_executable(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
         ::access(path.c_str(), X_OK) == 0;
}

}  // namespace

std::string find_program(std::string_view name, std::string_view more) {
  std::string candidate(name);
  if (name.find('/') != std::string_view::npos) return is_executable(candidate) ? candidate : "";
  const char* path = std::getenv("PATH");
  std::string directories = path == nullptr ? "/usr/local/bin:/usr/bin:/bin" : path;
  if (!more.empty()) directories.append(":").append(more);
  for (std::size_t at = 0; at < directories.size();) {
    const auto end = std::min(directories.find(':', at), directories.size());
    candidate = directories.substr(at, end - at).append("/").append(name);
    if (directories[at] == '/' && is_executable(candidate)) return candidate;
    at = end + 1;
  }
  return {};
}

}  // namespace fcvm::base
