#include "core/cli/default_paths.hpp"

#include <string>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/io/file.hpp"
#include "core/config/environment.hpp"

namespace fcvm::cli {
namespace {

/// The XDG specification has relative paths ignored.
std::string absolute_path_in(const char* variable) {
  static const auto environment = config::Environment::of_process();
  const auto value = environment.get(variable).value_or("");
  return value.starts_with('/') ? value : "";
}

std::string data_directory() {
  if (::geteuid() == 0) return "/var/lib/fcvm";
  if (const auto xdg = absolute_path_in("XDG_DATA_HOME"); !xdg.empty()) return xdg + "/fcvm";
  const auto home = absolute_path_in("HOME");
  return home.empty() ? "" : home + "/.local/share/fcvm";
}

std::string runtime_directory() {
  if (::geteuid() == 0) return "/run/fcvm";
  if (const auto xdg = absolute_path_in("XDG_RUNTIME_DIR"); !xdg.empty()) return xdg + "/fcvm";
  const std::string shared = "/tmp/fcvm-" + std::to_string(::geteuid());
  const std::string own = data_directory() + "/run";
  // Anybody may have made the first before us; who once had to do without it does so for good.
  struct stat info {};
  const bool taken =
      ::lstat(shared.c_str(), &info) == 0 && (!S_ISDIR(info.st_mode) || info.st_uid != ::geteuid());
  const bool had_own = ::access(own.c_str(), F_OK) == 0;
  return (taken || had_own) && own.starts_with("/") && own != "/run" ? own : shared;
}

}  // namespace

std::vector<config::Assignment> default_paths() {
  std::vector<config::Assignment> paths;
  const auto add = [&](const char* name, const std::string& path) {
    if (!path.empty()) paths.push_back({"paths", name, path, {}});
  };
  add("data-dir", data_directory());
  add("runtime-dir", runtime_directory());
  return paths;
}

Result<void> prepare_runtime_directory(const std::filesystem::path& directory) {
  const auto path = directory.string();
  FCVM_TRY(base::make_directories(path, 0700) | context("making the runtime directory"));
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) return fail_errno("looking at " + path);
  const bool ours = S_ISDIR(info.st_mode) && info.st_uid == ::geteuid();
  if (ours && (info.st_mode & 022U) == 0) return {};
  return fail(
      EPERM,
      "the runtime directory " + path + " belongs to another user, or others may write to it",
      "remove it, or set [paths] runtime-dir to a directory of your own");
}

}  // namespace fcvm::cli
