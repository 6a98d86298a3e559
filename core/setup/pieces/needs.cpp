// See needs.hpp.
#include "core/setup/pieces/needs.hpp"

#include <algorithm>
#include <cstdlib>
#include <pwd.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <vector>

#include <fmt/core.h>

#include "core/base/io/file.hpp"
#include "core/setup/program.hpp"

namespace fcvm::setup {
namespace {

constexpr std::uint64_t kEnoughIds = 65536;
constexpr std::uint64_t kNeededBytes = 1500ULL << 20;  // while the root file system is made

std::string user_name() {
  const passwd* entry = ::getpwuid(::geteuid());
  return entry != nullptr ? entry->pw_name : std::to_string(::geteuid());
}

/// One line of /etc/subuid or /etc/subgid.
struct Range {
  std::string owner;  // a name or a number
  std::uint64_t first = 0;
  std::uint64_t count = 0;
};

std::vector<Range> ranges_in(const char* path) {
  std::vector<Range> ranges;
  const auto read = base::read_file(path);
  const std::string text = read ? *read : std::string();
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('\n', at), text.size());
    const auto line = text.substr(at, end - at);
    at = end + 1;
    const auto first = line.find(':');
    const auto second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    ranges.push_back({line.substr(0, first), std::strtoull(&line[first + 1], nullptr, 10),
                      std::strtoull(&line[second + 1], nullptr, 10)});
  }
  return ranges;
}

bool has_ids(const char* path, const std::string& user) {
  for (const auto& range : ranges_in(path)) {
    const bool ours = range.owner == user || range.owner == std::to_string(::geteuid());
    if (ours && range.count >= kEnoughIds) return true;
  }
  return false;
}

/// Behind all that others have: two users with the same ids could enter each other's containers.
std::uint64_t free_ids() {
  std::uint64_t free = 100000;
  for (const char* path : {"/etc/subuid", "/etc/subgid"}) {
    for (const auto& range : ranges_in(path)) free = std::max(free, range.first + range.count);
  }
  return free;
}

Result<void> check_room(const std::filesystem::path& guests) {
  std::filesystem::path existing = guests;
  while (::access(existing.c_str(), F_OK) != 0 && existing.has_relative_path()) {
    existing = existing.parent_path();
  }
  struct statvfs space {};
  if (::statvfs(existing.c_str(), &space) != 0) return {};
  const std::uint64_t free = std::uint64_t{space.f_bavail} * space.f_frsize;
  if (free >= kNeededBytes) return {};
  return fail(ENOSPC,
              fmt::format("{} has {} MiB left; setup needs {} MiB while it works",
                          existing.string(), free >> 20, kNeededBytes >> 20),
              "make room, or choose another file system with FCVM_DATA_DIR");
}

}  // namespace

Result<void> check_subordinate_ids() {
  if (::geteuid() == 0) return {};
  const std::string user = user_name();
  if (has_ids("/etc/subuid", user) && has_ids("/etc/subgid", user)) return {};
  const std::uint64_t first = free_ids();
  return fail(EPERM,
              fmt::format("{} has no 65536 subordinate ids in /etc/subuid and /etc/subgid, which "
                          "mmdebstrap needs to make a root file system without root",
                          user),
              fmt::format("sudo usermod --add-subuids {0}-{1} --add-subgids {0}-{1} {2}", first,
                          first + kEnoughIds - 1, user));
}

Result<void> check_needs(const Settings& settings, const Plan& plan) {
  if (!plan.rootfs.done) {
    std::vector<std::string> programs = {"mmdebstrap", "mke2fs", "tar", "xz"};
    if (::geteuid() != 0) programs.insert(programs.end(), {"fakeroot", "newuidmap", "newgidmap"});
    FCVM_TRY(require_programs(programs));
    FCVM_TRY(check_subordinate_ids());
    FCVM_TRY(check_room(settings.guests));
  }
  const bool downloads = settings.kernel == "url" && !settings.kernel_url.starts_with("file://");
  if (!plan.kernel.done && downloads && find_program("wget").empty()) {
    FCVM_TRY(require_programs({"curl"}));
  }
  return {};
}

}  // namespace fcvm::setup
