#include "core/base/io/unix_socket.hpp"

#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/un.h>

namespace fcvm::base {

namespace {

Result<void> check_entry(const std::string& name) {
  if (!name.empty() && name.find('/') == std::string::npos) return {};
  return fail(EINVAL, "socket '" + name + "': it is not the name of a directory entry");
}

Result<sockaddr_un> address_of(const std::string& path, const std::string& name) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return fail(ENAMETOOLONG, "socket " + name + ": the name alone is too long for a socket");
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

/// The kernel follows /proc/self/fd/N to the directory itself, however long its path is.
Result<sockaddr_un> address_in(int directory, const std::string& name) {
  FCVM_TRY(check_entry(name));
  return address_of("/proc/self/fd/" + std::to_string(directory) + "/" + name, name);
}

/// The socket itself: who may write its directory may have put a link to another one there.
Result<Fd> open_socket(int directory, const std::string& name) {
  FCVM_TRY(check_entry(name));
  Fd file(::openat(directory, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!file) return fail_errno("connecting to socket " + name);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return fail_errno("looking at socket " + name);
  if (S_ISSOCK(status.st_mode)) return file;
  return fail(ENOTSOCK, "connecting to socket " + name + ": it is something else");
}

Result<Fd> make_socket(int type, const std::string& name) {
  Fd fd(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
  if (!fd) return fail_errno("making a socket for " + name);
  return fd;
}

const sockaddr* generic(const sockaddr_un& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

/// A Unix socket interrupted while it waits for room in the backlog has not begun to connect, so it
/// may simply try again.
Result<void> connect_socket(int fd, const sockaddr_un& address, const std::string& name) {
  for (;;) {
    if (::connect(fd, generic(address), sizeof address) == 0) return {};
    if (errno != EINTR) return fail_errno("connecting to socket " + name);
  }
}

struct Place {
  Fd directory;
  std::string name;
};

Result<Place> place_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const bool bare = slash == std::string::npos;
  const std::string parent = bare ? "." : path.substr(0, slash + 1);
  Fd directory = FCVM_TRY(open_file(parent, O_PATH | O_DIRECTORY));
  return Place{std::move(directory), bare ? path : path.substr(slash + 1)};
}

}  // namespace

Result<Fd> listen_unix_at(int directory, const std::string& name, mode_t mode, int type,
                          int backlog) {
  const sockaddr_un address = FCVM_TRY(address_in(directory, name));
  Fd fd = FCVM_TRY(make_socket(type, name));
  // bind gives the file the mode of the socket, so that it is never open to more than `mode` says.
  if (::fchmod(fd.get(), mode) != 0) return fail_errno("setting the mode of socket " + name);
  if (::bind(fd.get(), generic(address), sizeof address) != 0) {
    return fail_errno("binding socket " + name);
  }
  // Datagram sockets do not listen: bound is all they need to be.
  if ((type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)) != SOCK_DGRAM && ::listen(fd.get(), backlog) != 0) {
    return fail_errno("listening on socket " + name);
  }
  return fd;
}

Result<Fd> connect_unix_at(int directory, const std::string& name, int type) {
  const Fd file = FCVM_TRY(open_socket(directory, name));
  const sockaddr_un address =
      FCVM_TRY(address_of("/proc/self/fd/" + std::to_string(file.get()), name));
  Fd fd = FCVM_TRY(make_socket(type, name));
  FCVM_TRY(connect_socket(fd.get(), address, name));
  return fd;
}

Result<Fd> listen_unix(const std::string& path, mode_t mode, int type, int backlog) {
  const Place place = FCVM_TRY(place_of(path) | context("listening on " + path));
  return listen_unix_at(place.directory.get(), place.name, mode, type, backlog) |
         context("listening on " + path);
}

Result<Fd> connect_unix(const std::string& path, int type) {
  const Place place = FCVM_TRY(place_of(path) | context("connecting to " + path));
  return connect_unix_at(place.directory.get(), place.name, type) |
         context("connecting to " + path);
}

Result<Fd> accept_connection(int listener) {
  for (;;) {
    Fd fd(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
    if (fd) return fd;
    if (errno != EINTR && errno != ECONNABORTED) {
      return fail_errno("accepting on socket " + std::to_string(listener));
    }
  }
}

}  // namespace fcvm::base
