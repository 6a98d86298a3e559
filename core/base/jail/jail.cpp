// See jail.hpp. What happens in the child is in jail_child.cpp.
#include "core/base/jail/jail.hpp"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>

namespace fcvm::base {

namespace {

namespace fs = std::filesystem;

constexpr mode_t kDeviceForAll = 0666;
constexpr mode_t kDeviceForOwner = 0600;

/// What distributions keep programs and libraries in.
constexpr std::array kSystemDirectories = {"/usr",   "/bin",    "/sbin",      "/lib",      "/lib64",
                                           "/lib32", "/libx32", "/nix/store", "/gnu/store"};
/// By which the dynamic linker finds them.
constexpr std::array kLinkerFiles = {"/etc/ld.so.cache", "/etc/alternatives"};
constexpr std::array kDevicesForAll = {"/dev/null", "/dev/zero", "/dev/urandom", "/dev/random"};

Result<std::string> real_path(const std::string& path) {
  const std::unique_ptr<char, void (*)(void*)> real(::realpath(path.c_str(), nullptr), ::free);
  if (!real) return fail_errno("looking for " + path);
  return std::string(real.get());
}

bool lies_in(const std::string& path, const std::string& directory) {
  return path.size() > directory.size() && path.starts_with(directory) &&
         path[directory.size()] == '/';
}

Landlock::Access access_of(Jail::Access access) {
  switch (access) {
    case Jail::Access::kRead:
      return Landlock::Access::kRead;
    case Jail::Access::kExecute:
      return Landlock::Access::kExecute;
    case Jail::Access::kWrite:
      return Landlock::Access::kWrite;
  }
  return Landlock::Access::kRead;
}

}  // namespace

const char* name_of(JailLevel level) {
  switch (level) {
    case JailLevel::kNone:
      return "none";
    case JailLevel::kLandlock:
      return "landlock";
    case JailLevel::kNamespaces:
      return "namespaces";
  }
  return "none";
}

Result<Jail> Jail::with_system() {
  Jail jail;
  for (const char* path : kSystemDirectories) jail.add_system_directory(path);
  for (const char* path : kLinkerFiles) {
    auto added = jail.allow(path, Access::kRead);
    if (!added && added.error().code() != ENOENT) return unexpected(std::move(added).error());
  }
  for (const char* path : kDevicesForAll) {
    FCVM_TRY(jail.allow_device(path));
    jail.entries_[path].mode = kDeviceForAll;
  }
#if defined(__aarch64__)
  // Of which Firecracker makes the guest's caches.
  FCVM_TRY(jail.allow("/sys/devices/system/cpu", Access::kRead));
#endif
  return jail;
}

/// Where /lib is a link to usr/lib, so it is inside.
void Jail::add_system_directory(const std::string& path) {
  std::error_code error;
  if (fs::is_symlink(path, error)) {
    entries_[path] = {JailStep::Kind::kLink, fs::read_symlink(path, error).string(),
                      Access::kExecute};
  } else if (fs::is_directory(path, error)) {
    entries_[path] = {JailStep::Kind::kBind, path, Access::kExecute};
  }
}

/// Where /bin is a link to usr/bin, /bin/sh is really put into /usr/bin.
std::string Jail::through_links(const fs::path& inside) const {
  for (const auto& [at, entry] : entries_) {
    if (entry.kind != JailStep::Kind::kLink || !lies_in(inside.string(), at)) continue;
    const fs::path target = fs::path(at).parent_path() / entry.from;
    return (target / inside.lexically_relative(at)).lexically_normal().string();
  }
  return inside.string();
}

bool Jail::has(const std::string& inside, const std::string& path, Access access) const {
  for (const auto& [at, entry] : entries_) {
    if (entry.kind != JailStep::Kind::kBind || entry.access < access) continue;
    if (at == inside && entry.from == path) return true;
    if (lies_in(inside, at) && lies_in(path, entry.from) &&
        inside.substr(at.size()) == path.substr(entry.from.size())) {
      return true;
    }
  }
  return false;
}

Result<void> Jail::allow(const std::string& path, Access access) {
  return allow_as(path, path, access);
}

Result<void> Jail::allow_as(const std::string& inside, const std::string& path, Access access) {
  if (inside.empty() || inside[0] != '/') {
    return fail(EINVAL, "a jail has no place for \"" + inside + "\": it is not an absolute path");
  }
  const std::string at = through_links(fs::path(inside).lexically_normal());
  const std::string real = FCVM_TRY(real_path(path));
  if (has(at, real, access)) return {};
  entries_[at] = {JailStep::Kind::kBind, real, access};
  return {};
}

Result<void> Jail::allow_device(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return fail_errno("looking at the device " + path);
  if (!S_ISCHR(status.st_mode)) return fail(ENODEV, path + " is not a character device");
  // One of the system's stays as it is.
  entries_.try_emplace(
      path, Entry{JailStep::Kind::kDevice, path, Access::kWrite, kDeviceForOwner, status.st_rdev});
  return {};
}

Result<void> Jail::allow_program(const std::string& path) {
  FCVM_TRY(allow(path, Access::kExecute));
  const std::string real = FCVM_TRY(real_path(path));
  FCVM_TRY(allow(real, Access::kExecute));
  const fs::path prefix = fs::path(real).parent_path().parent_path();
  for (const char* name : {"lib", "lib64"}) {
    std::error_code error;
    const std::string libraries = (prefix / name).string();
    if (!fs::is_directory(libraries, error)) continue;
    FCVM_TRY(allow(libraries, Access::kExecute));
  }
  return {};
}

Result<Landlock> Jail::landlock() const {
  Landlock landlock = FCVM_TRY(Landlock::create());
  // Its own; Landlock itself keeps it out of what others have there.
  FCVM_TRY(landlock.allow("/proc", Landlock::Access::kRead));
  for (const auto& [inside, entry] : entries_) {
    if (entry.kind == JailStep::Kind::kLink) continue;
    FCVM_TRY(landlock.allow(entry.from, access_of(entry.access)));
  }
  return landlock;
}

}  // namespace fcvm::base
