// See root.hpp.
#include "agent/boot/root.hpp"

#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/boot/disks.hpp"
#include "agent/boot/kernel_files.hpp"
#include "agent/container/podman.hpp"
#include "core/base/io/fd.hpp"
#include "core/base/io/file.hpp"

namespace fcvm::agent {
namespace {

constexpr char kBase[] = "/fcvm/base";
constexpr char kDisk[] = "/fcvm/disk";
constexpr char kRoot[] = "/fcvm/root";

Result<void> mount_read_only(const wire::BootPlan& plan, const wire::Disk& disk,
                             const std::string& target) {
  const auto device = FCVM_TRY(find_disk(plan, disk.serial));
  // A journal cannot be replayed on a read-only disk, and needs it not.
  const std::string options = filesystem_of(disk) == "ext4" ? "noload" : "";
  return mount_one({device, target, filesystem_of(disk), MS_RDONLY | MS_NOATIME, options});
}

Result<void> mount_writable(const wire::BootPlan& plan, const wire::Disk& disk) {
  const auto device = FCVM_TRY(find_disk(plan, disk.serial));
  unsigned long flags = MS_NOATIME;
  std::string options;
  split_mount_options(disk.options, flags, options);
  // Its inode tables are holes, which read as what they would be made to.
  if (options.empty() && filesystem_of(disk) == "ext4") options = "noinit_itable";
  return mount_one({device, kDisk, filesystem_of(disk), flags, options});
}

Result<void> mount_overlay() {
  const std::string disk = kDisk;
  for (const char* part : {"/upper", "/work", "/containers"}) {
    FCVM_TRY(base::make_directories(disk + part));
  }
  FCVM_TRY(mount_one({"overlay", kRoot, "overlay", MS_NOATIME,
                      "lowerdir=" + std::string(kBase) + ",upperdir=" + disk +
                          "/upper,workdir=" + disk + "/work"}));
  // podman's own overlays cannot lie on an overlay.
  return mount_one(
      {disk + "/containers", std::string(kRoot) + "/var/lib/containers", "", MS_BIND, ""});
}

Result<void> move_mounts() {
  for (const char* mount : {"/dev", "/proc", "/sys", "/run", "/tmp"}) {
    FCVM_TRY(mount_one({mount, std::string(kRoot) + mount, "", MS_MOVE, ""}));
  }
  return mount_one({kDisk, std::string(kRoot) + kWritableDisk, "", MS_MOVE, ""});
}

Result<void> mount_data(const wire::BootPlan& plan, const wire::Disk& disk) {
  const auto device = FCVM_TRY(find_disk(plan, disk.serial));
  unsigned long flags = disk.read_only ? MS_RDONLY : 0;
  std::string options;
  split_mount_options(disk.options, flags, options);
  return mount_one({device, disk.mount_at, filesystem_of(disk), flags, options});
}

/// The disk is larger than the file system that was made once for all.
Result<void> mount_storage(const wire::BootPlan& plan, const wire::Disk& disk) {
  const auto device = FCVM_TRY(find_disk(plan, disk.serial));
  FCVM_TRY(mount_one({device, kStorage, filesystem_of(disk), MS_NOATIME, ""}));
  const Fd storage = FCVM_TRY(base::open_file(kStorage, O_RDONLY | O_DIRECTORY));
  btrfs_ioctl_vol_args whole{};
  std::strcpy(whole.name, "max");
  if (::ioctl(storage.get(), BTRFS_IOC_RESIZE, &whole) == 0) return {};
  return fail_errno("making podman's storage as large as its disk");
}

/// As udev would, which the guest does not have.
Result<void> name_disk(const wire::BootPlan& plan, const wire::Disk& disk) {
  const auto device = FCVM_TRY(find_disk(plan, disk.serial));
  FCVM_TRY(base::make_directories("/dev/disk/by-id"));
  const std::string name = "/dev/disk/by-id/virtio-" + disk.serial;
  if (::symlink(device.c_str(), name.c_str()) != 0) return fail_errno("naming the disk " + name);
  return {};
}

// Removes what lies on the initramfs itself and nothing that is mounted over it.
void empty_initramfs(int directory, dev_t device) {
  DIR* entries = ::fdopendir(directory);
  if (entries == nullptr) return;
  while (const dirent* entry = ::readdir(entries)) {
    const std::string name = entry->d_name;
    struct stat status {};
    if (name == "." || name == ".." ||
        ::fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0 ||
        status.st_dev != device) {
      continue;
    }
    if (S_ISDIR(status.st_mode)) {
      empty_initramfs(
          ::openat(directory, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC),
          device);
    }
    ::unlinkat(directory, name.c_str(), S_ISDIR(status.st_mode) ? AT_REMOVEDIR : 0);
  }
  ::closedir(entries);
}

Result<void> switch_root() {
  struct stat status {};
  const int old_root = ::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (old_root < 0 || ::fstat(old_root, &status) != 0) return fail_errno("opening the initramfs");
  empty_initramfs(old_root, status.st_dev);
  if (::chdir(kRoot) != 0 || ::mount(".", "/", nullptr, MS_MOVE, nullptr) != 0 ||
      ::chroot(".") != 0 || ::chdir("/") != 0) {
    return fail_errno("moving into the new root");
  }
  // As containers expect it: what is mounted in the guest later shows in them where asked for.
  if (::mount(nullptr, "/", nullptr, MS_SHARED | MS_REC, nullptr) != 0) {
    return fail_errno("sharing the root's mounts");
  }
  return {};
}

}  // namespace

Result<void> enter_root(const wire::BootPlan& plan) {
  const wire::Disk* base = disk_of(plan, wire::DiskRole::kBase);
  const wire::Disk* writable = disk_of(plan, wire::DiskRole::kWritable);
  if (base == nullptr) return {};
  if (writable == nullptr) return fail(EINVAL, "the plan has a base disk but no writable one");
  FCVM_TRY(mount_read_only(plan, *base, kBase));
  FCVM_TRY(mount_writable(plan, *writable));
  FCVM_TRY(mount_overlay());
  FCVM_TRY(move_mounts());
  return switch_root();
}

Result<void> mount_extras(const wire::BootPlan& plan) {
  std::size_t stores = 0;
  for (const auto& disk : plan.disks) {
    if (disk.role == wire::DiskRole::kRaw) {
      FCVM_TRY(name_disk(plan, disk));
    } else if (disk.role == wire::DiskRole::kData) {
      FCVM_TRY(mount_data(plan, disk));
    } else if (disk.role == wire::DiskRole::kImage &&
               plan.container.source.delivery == wire::ImageDelivery::kStore) {
      FCVM_TRY(mount_read_only(plan, disk, store_path(stores++)));
    } else if (disk.role == wire::DiskRole::kImage &&
               plan.container.source.delivery == wire::ImageDelivery::kStorage) {
      FCVM_TRY(mount_storage(plan, disk));
    }
  }
  for (const auto& mount : plan.mounts) {
    unsigned long flags = mount.read_only ? MS_RDONLY : 0;
    std::string options;
    split_mount_options(mount.options, flags, options);
    FCVM_TRY(mount_one({mount.source, mount.target, mount.filesystem, flags, options}));
  }
  return {};
}

}  // namespace fcvm::agent
