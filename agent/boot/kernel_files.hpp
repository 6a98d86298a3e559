// mount(2), mkdir and small writes, with errors that say what was tried. Owns nothing.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <fcvm/result.hpp>

namespace fcvm::agent {

struct MountCall {
  std::string source;
  std::string target;
  std::string filesystem;
  unsigned long flags = 0;
  std::string options;
};

/// Makes the target directory first, where it can.
Result<void> mount_one(const MountCall& call);
/// Writes into a file of /proc or /sys, or any other.
Result<void> write_file(const std::string& path, std::string_view text);
/// The names in a directory, without the dots; empty when there is none.
std::vector<std::string> list_directory(const std::string& path);
/// "a,ro,b" -> flags, and the rest for the file system.
void split_mount_options(const std::string& options, unsigned long& flags, std::string& rest);
/// The value of "name=value" on the kernel's command line, or empty.
std::string kernel_parameter(const std::string& name);

}  // namespace fcvm::agent
