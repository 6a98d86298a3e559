#include "core/setup/storage.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#include <fmt/core.h>

#include "core/base/io/file.hpp"
#include "core/base/io/temp_dir.hpp"
#include "core/setup/program.hpp"

namespace fcvm::setup {
namespace {

namespace fs = std::filesystem;

fs::path image_of(const fs::path& data) { return data.string() + ".img"; }

bool is_mount_point(const fs::path& path) {
  struct stat here {};
  struct stat above {};
  return ::stat(path.c_str(), &here) == 0 && ::stat(path.parent_path().c_str(), &above) == 0 &&
         here.st_dev != above.st_dev;
}

Result<void> require_root() {
  if (::geteuid() == 0) return {};
  return fail(EPERM, "only root can mount a file system for fcvm's data", "sudo fcvm setup ...");
}

/// What is in the directory and may move; anything else may be in use by a VM.
Result<std::vector<fs::path>> movable(const fs::path& data) {
  std::vector<fs::path> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(data, error)) {
    const auto name = entry.path().filename();
    if (name != "guests" && name != "templates") {
      return fail(ENOTEMPTY,
                  fmt::format("{} has {} in it: a file system mounted there would hide it",
                              data.string(), name.string()),
                  "remove the VMs and images first, or choose an empty FCVM_DATA_DIR");
    }
    found.push_back(entry.path());
  }
  return found;
}

Result<void> make_image(const fs::path& image, const std::string& kind, std::uint64_t bytes) {
  const fs::path unfinished = image.string() + ".new";
  fs::remove(unfinished);
  const Fd file = FCVM_TRY(base::open_file(unfinished, O_RDWR | O_CREAT | O_EXCL, 0600));
  if (::ftruncate(file.get(), static_cast<off_t>(bytes)) != 0) {
    return fail_errno("making " + unfinished.string());
  }
  std::vector<std::string> make = {"mkfs.btrfs", "-q", unfinished};
  if (kind == "xfs") make = {"mkfs.xfs", "-q", "-m", "reflink=1", unfinished};
  FCVM_TRY(run_program({.argv = make}));
  std::error_code error;
  fs::rename(unfinished, image, error);
  if (error) return fail(error.value(), "naming " + image.string() + ": " + error.message());
  return {};
}

Result<void> mount_image(const fs::path& image, const fs::path& at) {
  return run_program({.argv = {"mount", "-o", "loop,noatime", image.string(), at.string()}}) |
         context("mounting " + image.string()) |
         remedy("loop devices have to be there (modprobe loop; a container may lack them)");
}

/// Copied in under another mount point first: what was there is removed only when all is safe.
Result<void> move_in(const fs::path& image, const std::vector<fs::path>& entries) {
  base::TempDir mount_point = FCVM_TRY(base::TempDir::create());
  FCVM_TRY(mount_image(image, mount_point.path()));
  Result<void> copied;
  for (const auto& entry : entries) {
    if (!copied) break;
    copied =
        run_program({.argv = {"cp", "-a", "--sparse=always", entry.string(), mount_point.path()}});
  }
  FCVM_TRY(run_program({.argv = {"umount", mount_point.path()}}));
  FCVM_TRY(copied);
  for (const auto& entry : entries) FCVM_TRY(base::remove_tree(entry));
  return {};
}

}  // namespace

Result<void> make_storage(const fs::path& data, const std::string& kind, std::uint64_t bytes) {
  FCVM_TRY(require_root());
  FCVM_TRY(base::make_directories(data));
  if (is_mount_point(data)) return {};
  const fs::path image = image_of(data);
  if (::access(image.c_str(), F_OK) == 0) return mount_image(image, data);
  FCVM_TRY(require_programs({"mkfs." + kind, "mount", "umount", "cp"}));
  const auto entries = FCVM_TRY(movable(data));
  FCVM_TRY(make_image(image, kind, bytes) | context("making a " + kind + " file system"));
  const auto moved = move_in(image, entries);
  if (!moved) {
    ::unlink(image.c_str());
    return moved;
  }
  return mount_image(image, data);
}

Result<void> remove_storage(const fs::path& data) {
  FCVM_TRY(require_root());
  if (!is_mount_point(data) || ::access(image_of(data).c_str(), F_OK) != 0) return {};
  return run_program({.argv = {"umount", data.string()}}) | context("unmounting " + data.string()) |
         remedy("stop the VMs that use it");
}

}  // namespace fcvm::setup
