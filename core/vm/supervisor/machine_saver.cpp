// See machine_saver.hpp.
#include "core/vm/supervisor/machine_saver.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/io/clone_file.hpp"
#include "core/base/io/fd.hpp"
#include "core/vm/model/machine_files.hpp"

namespace fcvm::vm {
namespace {

/// One file, with this one name.
Result<void> check_plain(int file, const std::string& name) {
  struct stat status {};
  if (::fstat(file, &status) != 0) return fail_errno("looking at " + name);
  if (S_ISREG(status.st_mode) && status.st_nlink == 1) return {};
  return fail(EPERM, name + " of the VM is not a file of its own: its VMM may be in other hands",
              "fcvm rm -f ends the VM");
}

}  // namespace

Result<void> MachineSaver::save(vm::Machine& machine, base::Deadline deadline) const {
  auto files = sized<fcvm_vm_snapshot>();
  files.type = FCVM_SNAPSHOT_FULL;
  files.device_state = kNewState;
  files.memory = kNewMemory;
  auto saved = [&]() -> Result<void> {
    FCVM_TRY(machine.snapshot(files, deadline));
    FCVM_TRY(copy_disk(kWritableDisk, deadline));
    for (std::size_t i = 0; i < machine_.image_disks.size(); ++i) {
      if (!machine_.image_disks[i].is_shared()) FCVM_TRY(copy_disk(image_file(i), deadline));
    }
    return {};
  }();
  if (saved) return {};
  for (const char* name : {kNewState, kNewMemory}) {
    ::unlink((machine_.vmm_directory / name).c_str());
  }
  return saved;
}

Result<void> MachineSaver::copy_disk(const std::string& name, base::Deadline deadline) const {
  const Fd from = FCVM_TRY(base::open_file((machine_.vmm_directory / name).string(),
                                           O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
  FCVM_TRY(check_plain(from.get(), name));
  const Fd to =
      FCVM_TRY(base::open_file((directory_ / name).string(), O_RDWR | O_CREAT | O_EXCL, 0600));
  const auto in_time = [&](std::uint64_t) {
    return deadline.expired() ? fail(ETIMEDOUT, "it takes too long") : Result<void>();
  };
  return base::clone_file(from.get(), to.get(), in_time) | context("copying the VM's disk " + name);
}

Result<void> MachineSaver::complete() const {
  FCVM_TRY(take(kNewState, kSnapshotState));
  FCVM_TRY(take(kNewMemory, kSnapshotMemory));
  FCVM_TRY(share(machine_.assets.kernel, kKernel));
  if (!machine_.assets.kernel_elf.empty()) FCVM_TRY(share(machine_.assets.kernel_elf, kKernelElf));
  FCVM_TRY(share(machine_.assets.initrd, kInitrd));
  FCVM_TRY(share(machine_.assets.base_image, kBaseDisk));
  for (std::size_t i = 0; i < machine_.image_disks.size(); ++i) {
    const auto& disk = machine_.image_disks[i];
    if (disk.is_shared()) FCVM_TRY(share(disk.path, image_file(i)));
  }
  return {};
}

/// It is looked at where the VMM does not reach it any more.
Result<void> MachineSaver::take(const char* name, const char* as) const {
  const auto from = machine_.vmm_directory / name;
  const auto to = directory_ / as;
  if (::rename(from.c_str(), to.c_str()) != 0)
    return fail_errno("taking the snapshot's " + to.string());
  const Fd file = FCVM_TRY(base::open_file(to.string(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
  FCVM_TRY(check_plain(file.get(), name));
  if (::fchown(file.get(), ::geteuid(), ::getegid()) != 0 || ::fchmod(file.get(), 0600) != 0) {
    return fail_errno("taking the snapshot's " + to.string());
  }
  return {};
}

/// A second name for the file costs nothing, and keeps it when whoever made it removes it.
Result<void> MachineSaver::share(const std::filesystem::path& file, const std::string& name) const {
  const auto to = directory_ / name;
  if (::linkat(AT_FDCWD, file.c_str(), AT_FDCWD, to.c_str(), AT_SYMLINK_FOLLOW) == 0) return {};
  const Fd from = FCVM_TRY(base::open_file(file.string(), O_RDONLY));
  const Fd copy = FCVM_TRY(base::open_file(to.string(), O_RDWR | O_CREAT | O_EXCL, 0600));
  return base::clone_file(from.get(), copy.get()) | context("copying " + file.string());
}

}  // namespace fcvm::vm
