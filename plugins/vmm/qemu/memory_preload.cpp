// The library that a QEMU which restores a VM is started with: it owns mmap(), and through that the
// guest's RAM. See memory_fds.hpp for what it agrees on with the plugin.
//
// It calls nothing but the kernel, since it runs inside a program that is not fcvm's.
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "plugins/vmm/qemu/memory_fds.hpp"

namespace {

using namespace fcvm::qemu;

struct Range {
  void* address;
  std::size_t length;
  int protection;
  int flags;
  off_t offset;
};

void* map(const Range& range, int flags, int fd) {
  const long mapped = ::syscall(SYS_mmap, range.address, range.length, range.protection, flags, fd,
                                fd < 0 ? 0 : range.offset);
  return reinterpret_cast<void*>(mapped);
}

void report(const char* text, int length) {
  [[maybe_unused]] const auto written =
      ::write(kReportFd, text, static_cast<std::size_t>(length < 0 ? 0 : length));
}

void* failed(const char* what) {
  const int code = errno;
  char text[128];
  report(text, std::snprintf(text, sizeof text, "failed %d %s\n", code, what));
  errno = code;
  return MAP_FAILED;
}

bool is_placeholder(int fd) {
  struct stat asked {};
  struct stat placeholder {};
  return ::fstat(fd, &asked) == 0 && ::fstat(kMemoryFd, &placeholder) == 0 &&
         asked.st_dev == placeholder.st_dev && asked.st_ino == placeholder.st_ino;
}

/// From the device where the plugin could open it, else by the system call, which takes privilege.
int new_userfaultfd() {
  constexpr unsigned long kNew = _IO(0xAA, 0x00);  // USERFAULTFD_IOC_NEW, of Linux 6.1
  const int fd = ::ioctl(kWatcherFd, kNew, O_CLOEXEC | O_NONBLOCK);
  return fd >= 0 ? fd : static_cast<int>(::syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK));
}

/// The page server is told of pages that the balloon gives back, as Firecracker's is.
int watched(void* base, std::size_t size) {
  const int fd = new_userfaultfd();
  if (fd < 0) return -1;
  uffdio_api api{};
  api.api = UFFD_API;
  api.features = UFFD_FEATURE_EVENT_REMOVE;
  uffdio_register range{};
  range.range.start = reinterpret_cast<std::uintptr_t>(base);
  range.range.len = size;
  range.mode = UFFDIO_REGISTER_MODE_MISSING;
  if (::ioctl(fd, UFFDIO_API, &api) == 0 && ::ioctl(fd, UFFDIO_REGISTER, &range) == 0) return fd;
  const int code = errno;
  ::close(fd);
  errno = code;
  return -1;
}

/// Firecracker's own hand-over: one message, one descriptor; the last field really counts bytes.
bool hand_over(int socket, int fd, void* base, std::size_t size) {
  char text[256];
  const int length = std::snprintf(
      text, sizeof text,
      R"([{"base_host_virt_addr":%llu,"size":%zu,"offset":0,"page_size":4096,"page_size_kib":4096}])",
      static_cast<unsigned long long>(reinterpret_cast<std::uintptr_t>(base)), size);
  iovec bytes{text, static_cast<std::size_t>(length)};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof fd)] = {};
  msghdr message{};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof fd);
  std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
  return ::sendmsg(socket, &message, MSG_NOSIGNAL) == length;
}

/// Both descriptors stay open until QEMU ends: that is how the server hears of the end.
void* map_from_server(const Range& range, const char* path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (std::strlen(path) >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    return failed("connecting to the page server");
  }
  std::strcpy(address.sun_path, path);
  const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  if (socket < 0 || ::connect(socket, generic, sizeof address) != 0) {
    return failed("connecting to the page server");
  }
  const int flags = (range.flags & ~MAP_SHARED) | MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  void* base = map(range, flags, -1);
  if (base == MAP_FAILED) return failed("mapping memory for the page server");
  const int fd = watched(base, range.length);
  if (fd < 0) return failed("watching memory with userfaultfd");
  if (!hand_over(socket, fd, base, range.length)) return failed("telling the page server");
  return base;
}

void* map_memory(const Range& range, const char* from) {
  const std::size_t prefix = std::strlen(kFromServer);
  if (std::strncmp(from, kFromServer, prefix) == 0) return map_from_server(range, from + prefix);
  const int flags = (range.flags & ~MAP_SHARED) | MAP_PRIVATE | MAP_NORESERVE;
  void* base = map(range, flags, kSnapshotFd);
  return base == MAP_FAILED ? failed("mapping the snapshot's memory") : base;
}

}  // namespace

extern "C" {

void* mmap(void* address, std::size_t length, int protection, int flags, int fd, off_t offset) {
  const Range range{address, length, protection, flags, offset};
  const char* from = fd < 0 ? nullptr : ::getenv(kMemoryVariable);
  if (from == nullptr || (flags & MAP_TYPE) != MAP_SHARED || !is_placeholder(fd)) {
    return map(range, flags, fd);
  }
  void* base = map_memory(range, from);
  if (base == MAP_FAILED) return base;
  char text[64];
  report(text,
         std::snprintf(text, sizeof text, "ok %llx\n",
                       static_cast<unsigned long long>(reinterpret_cast<std::uintptr_t>(base))));
  return base;
}

/// The same function, by the name that programs with large files know it by.
void* mmap64(void* address, std::size_t length, int protection, int flags, int fd, off_t offset)
    __attribute__((alias("mmap")));
}
