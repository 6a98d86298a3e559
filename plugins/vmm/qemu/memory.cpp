// See memory.hpp.
#include "plugins/vmm/qemu/memory.hpp"

#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fcvm/sdk/sized.hpp>

#include "plugins/vmm/qemu/memory_fds.hpp"
#include "plugins/vmm/qemu/sparse.hpp"

namespace fcvm::qemu {

namespace {

/// Beside the directory of plugins, where the finder does not take it for one.
constexpr const char* kLibrary = "../qemu-memory.so";

Result<std::string> find_library() {
  Dl_info info{};
  if (::dladdr(reinterpret_cast<const void*>(&find_library), &info) == 0) {
    return fail(ENOENT, "the qemu plugin cannot tell where it was loaded from");
  }
  const std::string plugin = info.dli_fname;
  const std::string path = plugin.substr(0, plugin.rfind('/') + 1) + kLibrary;
  char* real = ::realpath(path.c_str(), nullptr);
  if (real == nullptr) {
    return fail_errno("looking for " + path + ", which restores need", "install fcvm again");
  }
  std::string found = real;
  std::free(real);
  return found;
}

Result<Fd> anonymous(std::uint64_t size, unsigned flags) {
  Fd fd(::memfd_create("fcvm-guest-ram", MFD_CLOEXEC | flags));
  if (!fd) return fail_errno("making the VM's memory");
  if (::ftruncate(fd.get(), static_cast<off_t>(size)) != 0) {
    return fail_errno("sizing the VM's memory");
  }
  return fd;
}

Result<Fd> open_snapshot(const fcvm_vm_spec& spec, const std::string& name) {
  Fd fd(::openat(spec.directory_fd, name.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return fail_errno("reading the snapshot's memory " + name, "make the snapshot again");
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return fail_errno("looking at " + name);
  if (S_ISREG(status.st_mode) && static_cast<std::uint64_t>(status.st_size) == spec.memory_bytes) {
    return fd;
  }
  return fail(EINVAL,
              "the snapshot's memory " + name + " has " + std::to_string(status.st_size) +
                  " bytes, and the VM has " + std::to_string(spec.memory_bytes),
              "give the VM as much memory as the snapshot's had, or make the snapshot again");
}

}  // namespace

Result<GuestMemory> GuestMemory::fresh(const fcvm_vm_spec& spec) {
  GuestMemory made;
  made.size_ = spec.memory_bytes;
  if (spec.memory_file == nullptr) {
    const bool huge = (spec.flags & FCVM_VM_HUGEPAGES) != 0;
    made.ram_ = FCVM_TRY(anonymous(made.size_, huge ? MFD_HUGETLB : 0));
    return made;
  }
  made.ram_ = Fd(
      ::openat(spec.directory_fd, spec.memory_file, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!made.ram_ || ::ftruncate(made.ram_.get(), static_cast<off_t>(made.size_)) != 0) {
    return fail_errno(std::string("making the memory file ") + spec.memory_file);
  }
  return made;
}

Result<GuestMemory> GuestMemory::restored(const fcvm_vm_spec& spec,
                                          const fcvm_memory_source& source) {
  if (source.path == nullptr) return fail(EINVAL, "the snapshot's memory is not named");
  if ((spec.flags & FCVM_VM_HUGEPAGES) != 0) {
    return fail(ENOTSUP, "the qemu plugin restores no VM with huge pages",
                "go without huge pages, or use --vmm firecracker");
  }
  GuestMemory made;
  made.size_ = spec.memory_bytes;
  if (source.type == FCVM_MEMORY_FROM_FILE) {
    made.snapshot_ = FCVM_TRY(open_snapshot(spec, source.path));
    made.source_ = kFromFile;
  } else if (source.type == FCVM_MEMORY_FROM_UFFD) {
    if (::faccessat(spec.directory_fd, source.path, W_OK, 0) != 0) {
      return fail_errno(std::string("reaching the page server at ") + source.path,
                        "start the page server again");
    }
    made.source_ = std::string(kFromServer) + source.path;
    // Who may not open it still may have the system call of the same name.
    made.watcher_ = Fd(::open("/dev/userfaultfd", O_RDWR | O_CLOEXEC));
  } else {
    return fail(ENOTSUP, "QEMU takes memory from a file or from a page server only");
  }
  made.library_ = FCVM_TRY(find_library());
  made.ram_ = FCVM_TRY(anonymous(made.size_, 0));
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return fail_errno("making a pipe");
  made.report_ = Fd(ends[0]);
  made.report_writer_ = Fd(ends[1]);
  return made;
}

std::vector<fcvm_passed_fd> GuestMemory::passed() const {
  std::vector<fcvm_passed_fd> all = {{ram_.get(), kMemoryFd}};
  if (snapshot_) all.push_back({snapshot_.get(), kSnapshotFd});
  if (report_writer_) all.push_back({report_writer_.get(), kReportFd});
  if (watcher_) all.push_back({watcher_.get(), kWatcherFd});
  return all;
}

std::vector<std::string> GuestMemory::files() const {
  return library_.empty() ? std::vector<std::string>() : std::vector{library_};
}

std::vector<std::string> GuestMemory::environment() const {
  if (source_.empty()) return {};
  return {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", "LD_PRELOAD=" + library_,
          std::string(kMemoryVariable) + "=" + source_};
}

void GuestMemory::read_report() {
  char text[128];
  const ssize_t count = said_.empty() && report_ ? ::read(report_.get(), text, sizeof text) : 0;
  if (count > 0) said_.assign(text, static_cast<std::size_t>(count));
}

std::string GuestMemory::complaint() {
  read_report();
  int code = 0;
  char what[96] = {};
  if (std::sscanf(said_.c_str(), "failed %d %95[^\n]", &code, what) != 2) return {};
  return std::string(what) + ": " + std::strerror(code);
}

Result<void> GuestMemory::confirm() {
  report_writer_.reset();
  if (source_.empty()) return {};
  read_report();
  if (std::sscanf(said_.c_str(), "ok %" SCNx64, &address_) == 1) return {};
  return fail(ENOTSUP,
              "restoring the VM: QEMU did not take " + library_ +
                  ", by which it gets the snapshot's memory",
              "use a QEMU that is dynamically linked, as distributions have it");
}

Result<void> GuestMemory::save(int directory, const std::string& name, pid_t qemu,
                               const Call& call) const {
  const Fd to = FCVM_TRY(replace_file(directory, name));
  if (source_.empty()) return copy_sparse(ram_.get(), to.get(), size_, call);
  return save_clone(to, qemu, call);
}

/// What the clone changed lies over what the snapshot has. From a page server's clone everything is
/// read, and with it fetched.
Result<void> GuestMemory::save_clone(const Fd& to, pid_t qemu, const Call& call) const {
  if (!snapshot_) {
    if (::ftruncate(to.get(), static_cast<off_t>(size_)) != 0) {
      return fail_errno("sizing the memory image");
    }
    return read_process(qemu, address_, size_, call,
                        [&](std::uint64_t offset, std::span<const char> bytes) {
                          return write_sparse(to.get(), offset, bytes);
                        });
  }
  FCVM_TRY(copy_sparse(snapshot_.get(), to.get(), size_, call));
  return changed_pages(qemu, address_, size_, [&](std::uint64_t begin, std::uint64_t length) {
    return read_process(
        qemu, address_ + begin, length, call,
        [&](std::uint64_t offset, std::span<const char> bytes) -> Result<void> {
          const auto at = static_cast<off_t>(begin + offset);
          const auto size = static_cast<off_t>(bytes.size());
          if (::fallocate(to.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, size) != 0) {
            return fail_errno("replacing a part of the memory image");
          }
          return write_sparse(to.get(), begin + offset, bytes);
        });
  });
}

}  // namespace fcvm::qemu
