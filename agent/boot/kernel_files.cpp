// See kernel_files.hpp.
#include "agent/boot/kernel_files.hpp"

#include <array>
#include <dirent.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <utility>

#include "core/base/io/fd.hpp"
#include "core/base/io/file.hpp"

namespace fcvm::agent {

Result<void> mount_one(const MountCall& call) {
  static_cast<void>(base::make_directories(call.target));
  if (::mount(call.source.c_str(), call.target.c_str(), call.filesystem.c_str(), call.flags,
              call.options.empty() ? nullptr : call.options.c_str()) != 0) {
    return fail_errno("mounting " + call.source + " (" + call.filesystem + ") on " + call.target);
  }
  return {};
}

Result<void> write_file(const std::string& path, std::string_view text) {
  const auto file = FCVM_TRY(base::open_file(path, O_WRONLY | O_CREAT | O_TRUNC, 0644));
  return base::write_all(file.get(), text) | context("writing " + path);
}

std::vector<std::string> list_directory(const std::string& path) {
  std::vector<std::string> names;
  DIR* directory = ::opendir(path.c_str());
  if (directory == nullptr) return names;
  while (const dirent* entry = ::readdir(directory)) {
    if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  }
  ::closedir(directory);
  return names;
}

void split_mount_options(const std::string& options, unsigned long& flags, std::string& rest) {
  constexpr std::array<std::pair<std::string_view, unsigned long>, 8> kFlags = {{
      {"ro", MS_RDONLY},
      {"nosuid", MS_NOSUID},
      {"nodev", MS_NODEV},
      {"noexec", MS_NOEXEC},
      {"noatime", MS_NOATIME},
      {"relatime", MS_RELATIME},
      {"bind", MS_BIND},
      {"rw", 0},
  }};
  for (std::size_t at = 0; at < options.size();) {
    const auto end = std::min(options.find(',', at), options.size());
    const std::string_view option = std::string_view(options).substr(at, end - at);
    bool known = option.empty();
    for (const auto& [name, flag] : kFlags) {
      if (name == option) {
        flags |= flag;
        known = true;
      }
    }
    if (!known) rest.append(rest.empty() ? "" : ",").append(option);
    at = end + 1;
  }
}

std::string kernel_parameter(const std::string& name) {
  std::string line = " " + base::read_file("/proc/cmdline").value_or("");
  for (char& c : line) {
    if (c == '\n') c = ' ';
  }
  const auto at = line.rfind(" " + name + "=");
  if (at == std::string::npos) return {};
  const auto start = at + name.size() + 2;
  return line.substr(start, line.find(' ', start) - start);
}

}  // namespace fcvm::agent
