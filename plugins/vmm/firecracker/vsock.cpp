// See vsock.hpp.
#include "plugins/vmm/firecracker/vsock.hpp"

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <memory>
#include <string_view>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/base/io/unix_socket.hpp"

namespace fcvm::firecracker {

namespace {

constexpr std::size_t kLongestAnswer = 32;  // "OK 4294967295\n"

Unexpected refused() { return fail(ECONNREFUSED, "nobody listens there in the guest"); }

bool would_block() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

Result<Fd> connect_socket(int directory, const std::string& socket, const Call& call) {
  for (;;) {
    FCVM_TRY(call.check());
    auto fd = base::connect_unix_at(directory, socket, SOCK_STREAM | SOCK_NONBLOCK);
    if (fd) return fd;
    const int code = fd.error().code();
    if (code == ENOENT) return fail(ECONNREFUSED, "its vsock socket is not there");
    if (code != EAGAIN) return fd;
    FCVM_TRY(call.sleep(std::chrono::milliseconds(1)));
  }
}

/// Byte by byte: what follows the line is the guest's.
Result<std::string> read_line(int fd, const Call& call) {
  std::string line;
  while (line.size() < kLongestAnswer) {
    FCVM_TRY(call.wait(fd, POLLIN));
    char byte = 0;
    const ssize_t count = ::recv(fd, &byte, 1, MSG_DONTWAIT);
    if (count == 0 || (count < 0 && errno == ECONNRESET)) return refused();
    if (count < 0 && !would_block()) return fail_errno("reading the answer");
    if (count > 0 && byte == '\n') return line;
    if (count > 0) line += byte;
  }
  return fail(EPROTO, "Firecracker answered at length instead of OK");
}

Result<void> make_blocking(const Fd& fd) {
  const int flags = ::fcntl(fd.get(), F_GETFL);
  if (flags < 0 || ::fcntl(fd.get(), F_SETFL, flags & ~O_NONBLOCK) != 0) {
    return fail_errno("making the stream blocking");
  }
  return {};
}

Result<Fd> handshake(int directory, const std::string& socket, std::uint32_t port,
                     const Call& call) {
  Fd fd = FCVM_TRY(connect_socket(directory, socket, call));
  const std::string hello = "CONNECT " + std::to_string(port) + "\n";
  // A few bytes into an empty socket buffer: all or nothing.
  const ssize_t sent = ::send(fd.get(), hello.data(), hello.size(), MSG_NOSIGNAL);
  if (sent < 0 && (errno == EPIPE || errno == ECONNRESET)) return refused();
  if (sent != static_cast<ssize_t>(hello.size())) return fail_errno("asking for it");
  const std::string answer = FCVM_TRY(read_line(fd.get(), call));
  if (answer.rfind("OK ", 0) != 0) {
    return fail(EPROTO, "Firecracker answered something else than OK");
  }
  FCVM_TRY(make_blocking(fd));
  return fd;
}

/// Whether it is an end of a connection to a listener of this name; the listener itself is none.
bool is_stream_of(const Fd& fd, const std::string& socket) {
  int listens = 0;
  socklen_t size = sizeof listens;
  if (::getsockopt(fd.get(), SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 || listens != 0) {
    return false;
  }
  sockaddr_un address{};
  size = sizeof address;
  if (::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0 ||
      address.sun_family != AF_UNIX || size <= offsetof(sockaddr_un, sun_path)) {
    return false;
  }
  // Not always terminated.
  const std::string path(address.sun_path, ::strnlen(address.sun_path, sizeof address.sun_path));
  return path.substr(path.rfind('/') + 1) == socket;
}

}  // namespace

Result<std::size_t> end_streams(int pid, int pidfd, const std::string& socket) {
  const std::string directory = "/proc/" + std::to_string(pid) + "/fd";
  const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(directory.c_str()), ::closedir);
  if (!open) return fail_errno("reading " + directory);
  std::size_t ended = 0;
  while (const dirent* entry = ::readdir(open.get())) {
    char target[8] = {};
    if (::readlinkat(::dirfd(open.get()), entry->d_name, target, sizeof target - 1) < 0 ||
        std::string_view(target) != "socket:") {
      continue;
    }
    const int number = std::atoi(entry->d_name);
    const Fd fd(static_cast<int>(::syscall(SYS_pidfd_getfd, pidfd, number, 0)));
    if (!fd && errno == EBADF) continue;  // closed meanwhile
    if (!fd) return fail_errno("taking a descriptor of Firecracker's");
    if (is_stream_of(fd, socket) && ::shutdown(fd.get(), SHUT_RDWR) == 0) ++ended;
  }
  return ended;
}

Result<Fd> dial_guest(int directory, const std::string& socket, std::uint32_t port,
                      const Call& call) {
  return handshake(directory, socket, port, call) |
         context("connecting to guest port " + std::to_string(port));
}

}  // namespace fcvm::firecracker
