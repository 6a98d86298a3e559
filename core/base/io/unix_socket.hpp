// Unix sockets are bound and connected by (directory, name), so that the 108 bytes of sun_path
// never limit a path.
#pragma once

#include <string>
#include <sys/socket.h>
#include <sys/types.h>

#include <fcvm/result.hpp>

#include "core/base/io/fd.hpp"

namespace fcvm::base {

/// `name` is one entry of `directory`. The socket's mode is `mode` less the umask from its first
/// moment on. Fails with EADDRINUSE when the name exists, also when no one listens there any more:
/// the caller knows whether it may unlink. Needs /proc, as does connect_unix_at.
Result<Fd> listen_unix_at(int directory, const std::string& name, mode_t mode = 0600,
                          int type = SOCK_STREAM, int backlog = SOMAXCONN);
/// No link is followed at `name`: ENOTSOCK for whatever is not a socket.
Result<Fd> connect_unix_at(int directory, const std::string& name, int type = SOCK_STREAM);
/// The same for a path of any length.
Result<Fd> listen_unix(const std::string& path, mode_t mode = 0600, int type = SOCK_STREAM,
                       int backlog = SOMAXCONN);
Result<Fd> connect_unix(const std::string& path, int type = SOCK_STREAM);

/// accept4(2), close-on-exec; EAGAIN comes back when the listener is non-blocking.
Result<Fd> accept_connection(int listener);

}  // namespace fcvm::base
