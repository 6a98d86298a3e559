// The socket that a server listens on.
#pragma once

#include <string>

#include <fcvm/result.hpp>
#include <fcvm/sdk/fd.hpp>

namespace fcvm::api::http {

struct Listener {
  Fd socket;
  std::string where;      // "http://127.0.0.1:8090", with the port that was taken
  bool is_local = false;  // a Unix socket, or an address that only this machine reaches
  std::string path{};     // of a Unix socket
};

/// "127.0.0.1:8090", "[::1]:8090", "localhost:0", "unix:PATH". A Unix socket that nobody listens on
/// any more is replaced; EADDRINUSE for one that has a server.
[[nodiscard]] Result<Listener> listen_on(const std::string& text);

}  // namespace fcvm::api::http
