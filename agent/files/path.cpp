// See path.hpp.
#include "agent/files/path.hpp"

#include <string_view>

namespace fcvm::agent {
namespace {

void remove_last(std::string& path) { path.resize(path.rfind('/')); }

}  // namespace

std::string absolute_path(const std::string& path, const std::string& home) {
  std::string whole = path;
  if (path == "~" || path.starts_with("~/")) {
    whole = home + path.substr(1);
  } else if (!path.starts_with('/')) {
    whole = home + "/" + path;
  }
  std::string clean;
  std::string_view rest = whole;
  while (!rest.empty()) {
    const auto part = rest.substr(0, rest.find('/'));
    rest.remove_prefix(std::min(part.size() + 1, rest.size()));
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      clean += '/';
      clean += part;
    } else if (!clean.empty()) {
      remove_last(clean);
    }
  }
  return clean.empty() ? "/" : clean;
}

std::string directory_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string last_name(const std::string& path) {
  return path == "/" ? path : path.substr(path.rfind('/') + 1);
}

std::string joined(const std::string& directory, const std::string& name) {
  return directory == "/" ? directory + name : directory + "/" + name;
}

}  // namespace fcvm::agent
