// Room, reflinks and guests in the data directory.
#include <sys/statvfs.h>
#include <unistd.h>

#include <fmt/core.h>

#include "core/setup/disk.hpp"
#include "core/setup/doctor/doctor.hpp"
#include "core/setup/guest.hpp"

namespace fcvm::setup {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMiB = 1 << 20;
constexpr std::uint64_t kTight = 2048;
constexpr std::uint64_t kTooLittle = 64;

/// The directory, or the nearest above it, where it would be made.
fs::path nearest_existing(fs::path path) {
  while (::access(path.c_str(), F_OK) != 0 && path.has_relative_path()) path = path.parent_path();
  return path;
}

Finding look_at_directory(const Patient& patient) {
  const auto place = nearest_existing(patient.data);
  if (::access(place.c_str(), W_OK | X_OK) == 0) return {Verdict::kPass, patient.data};
  return {Verdict::kFail, "this user may not write in " + place.string(),
          "set FCVM_DATA_DIR, or [paths] data-dir"};
}

Finding look_at_room(const Patient& patient) {
  struct statvfs space {};
  const auto place = nearest_existing(patient.data);
  if (::statvfs(place.c_str(), &space) != 0) {
    return {Verdict::kWarn, "cannot be told for " + place.string(), "set FCVM_DATA_DIR"};
  }
  const std::uint64_t free = std::uint64_t{space.f_bavail} * space.f_frsize / kMiB;
  const auto text = fmt::format("{} MiB free in {}", free, place.string());
  if (free >= kTight) return {Verdict::kPass, text};
  return {free >= kTooLittle ? Verdict::kWarn : Verdict::kFail, text,
          "make room, or set FCVM_DATA_DIR to a larger file system"};
}

Finding look_at_reflinks(const Patient& patient) {
  const auto place = nearest_existing(patient.data);
  const auto works = can_reflink(place);
  if (works && *works) return {Verdict::kPass, "files share blocks in " + place.string()};
  if (!works)
    return {Verdict::kWarn, "could not be tried: " + works.error().message(), "set FCVM_DATA_DIR"};
  return {Verdict::kWarn,
          fmt::format("the file system of {} has none: disks are copied sparsely", place.string()),
          "sudo fcvm setup --storage btrfs 20G, or keep the data on btrfs or XFS"};
}

Finding look_at_guest(const Patient& patient) {
  const auto guest = find_guest(patient.data / "guests");
  if (!guest) return {Verdict::kFail, guest.error().message(), guest.error().remedy()};
  return {Verdict::kPass, fmt::format("Debian {}, Linux {}", guest->suite, guest->kernel_version)};
}

}  // namespace

std::vector<Check> storage_checks() {
  return {
      {"data-directory", "holds guests, images and VMs", true, look_at_directory},
      {"disk-space", "guests take 0.5 GiB, VMs what they write", true, look_at_room},
      {"reflink", "copies the disks of VMs in no time", false, look_at_reflinks},
      {"guest", "is what every VM is made from", true, look_at_guest},
  };
}

}  // namespace fcvm::setup
