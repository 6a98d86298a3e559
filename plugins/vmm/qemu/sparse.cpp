// See sparse.hpp.
#include "plugins/vmm/qemu/sparse.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <sys/uio.h>
#include <unistd.h>
#include <vector>

#include "core/base/io/clone_file.hpp"

namespace fcvm::qemu {

namespace {

constexpr std::size_t kPiece = 1 << 20;

/// of /proc/PID/pagemap
constexpr std::uint64_t kPresent = 1ull << 63;
constexpr std::uint64_t kSwapped = 1ull << 62;
constexpr std::uint64_t kOfFile = 1ull << 61;

bool is_zero(std::span<const char> page) {
  return page[0] == 0 && std::memcmp(page.data(), page.data() + 1, page.size() - 1) == 0;
}

Result<void> write_at(int to, std::uint64_t offset, std::span<const char> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::pwrite(to, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail_errno("writing the memory image", "make room on its file system");
    bytes = bytes.subspan(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
  return {};
}

/// Where data begins at or after `from`; the whole file is data where the kernel cannot tell.
std::uint64_t next_data(int file, std::uint64_t from, std::uint64_t size) {
  const off_t at = ::lseek(file, static_cast<off_t>(from), SEEK_DATA);
  if (at >= 0) return std::min<std::uint64_t>(static_cast<std::uint64_t>(at), size);
  return errno == ENXIO ? size : from;
}

std::uint64_t next_hole(int file, std::uint64_t from, std::uint64_t size) {
  const off_t at = ::lseek(file, static_cast<off_t>(from), SEEK_HOLE);
  return at < 0 ? size : std::min<std::uint64_t>(static_cast<std::uint64_t>(at), size);
}

Result<void> copy_stretch(int from, int to, std::uint64_t begin, std::uint64_t end,
                          std::vector<char>& buffer, const Call& call) {
  while (begin < end) {
    FCVM_TRY(call.check());
    const auto wanted = std::min<std::uint64_t>(end - begin, buffer.size());
    const ssize_t count = ::pread(from, buffer.data(), wanted, static_cast<off_t>(begin));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail_errno("reading the VM's memory");
    if (count == 0) return fail(EIO, "reading the VM's memory: its file has become shorter");
    const auto got = static_cast<std::size_t>(count);
    FCVM_TRY(write_sparse(to, begin, {buffer.data(), got}));
    begin += got;
  }
  return {};
}

}  // namespace

Result<Fd> replace_file(int directory, const std::string& name) {
  if (::unlinkat(directory, name.c_str(), 0) != 0 && errno != ENOENT) {
    return fail_errno("replacing " + name);
  }
  Fd fd(::openat(directory, name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd) return fail_errno("making " + name);
  return fd;
}

Result<void> write_sparse(int to, std::uint64_t offset, std::span<const char> bytes) {
  std::size_t begin = 0;  // of the data that is not yet written
  for (std::size_t at = 0; at < bytes.size(); at += kPage) {
    const auto page = bytes.subspan(at, std::min(kPage, bytes.size() - at));
    if (!is_zero(page)) continue;
    FCVM_TRY(write_at(to, offset + begin, bytes.subspan(begin, at - begin)));
    begin = at + page.size();
  }
  return write_at(to, offset + begin, bytes.subspan(std::min(begin, bytes.size())));
}

Result<void> copy_sparse(int from, int to, std::uint64_t size, const Call& call) {
  if (base::share_blocks(from, to)) return {};
  if (::ftruncate(to, static_cast<off_t>(size)) != 0) return fail_errno("sizing the memory image");
  std::vector<char> buffer(kPiece);
  for (std::uint64_t at = next_data(from, 0, size); at < size;) {
    const std::uint64_t end = next_hole(from, at, size);
    FCVM_TRY(copy_stretch(from, to, at, end, buffer, call));
    at = next_data(from, end, size);
  }
  return {};
}

Result<void> read_process(pid_t process, std::uint64_t address, std::uint64_t size,
                          const Call& call, const UsePiece& use) {
  std::vector<char> buffer(kPiece);
  for (std::uint64_t at = 0; at < size;) {
    FCVM_TRY(call.check());
    const iovec ours{buffer.data(), std::min<std::uint64_t>(size - at, buffer.size())};
    const iovec theirs{reinterpret_cast<void*>(address + at), ours.iov_len};
    const ssize_t count = ::process_vm_readv(process, &ours, 1, &theirs, 1, 0);
    if (count <= 0) {
      return fail_errno("reading the VM's memory out of QEMU",
                        "let fcvm trace its own children: sysctl kernel.yama.ptrace_scope=1");
    }
    const auto got = static_cast<std::size_t>(count);
    FCVM_TRY(use(at, {buffer.data(), got}));
    at += got;
  }
  return {};
}

Result<void> changed_pages(pid_t process, std::uint64_t address, std::uint64_t size,
                           const UseStretch& use) {
  const std::string path = "/proc/" + std::to_string(process) + "/pagemap";
  const Fd map(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!map) return fail_errno("opening " + path);
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  std::vector<std::uint64_t> entries(8192);
  std::uint64_t begin = 0;  // of the stretch that ends at `at`
  std::uint64_t at = 0;
  while (at < size) {
    const auto wanted = std::min<std::uint64_t>((size - at + page - 1) / page, entries.size());
    const auto from = static_cast<off_t>((address + at) / page * sizeof entries[0]);
    const ssize_t count = ::pread(map.get(), entries.data(), wanted * sizeof entries[0], from);
    if (count <= 0) return fail_errno("reading " + path);
    for (std::size_t i = 0; i < static_cast<std::size_t>(count) / sizeof entries[0]; ++i) {
      const bool changed = (entries[i] & kSwapped) != 0 ||
                           ((entries[i] & kPresent) != 0 && (entries[i] & kOfFile) == 0);
      if (!changed && begin < at) FCVM_TRY(use(begin, at - begin));
      at = std::min(size, at + page);
      if (!changed) begin = at;
    }
  }
  return begin < at ? use(begin, at - begin) : Result<void>();
}

}  // namespace fcvm::qemu
