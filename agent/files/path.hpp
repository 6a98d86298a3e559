// How a path of an order becomes one that the kernel gets.
#pragma once

#include <string>

namespace fcvm::agent {

/// Relative paths, and "~", begin in `home`. Without "." and "..", which are taken as text, and
/// without a slash at the end.
std::string absolute_path(const std::string& path, const std::string& home);

/// "/a/b" as "/a"; "/" stays.
std::string directory_of(const std::string& path);
/// "/a/b" as "b"; "/" stays.
std::string last_name(const std::string& path);
/// "/a", "b" as "/a/b".
std::string joined(const std::string& directory, const std::string& name);

}  // namespace fcvm::agent
