// Guest: whom fcvm-forward dials. Sockets are made in the process's own network namespace, the
// VM's.
//
// Owns nothing.
#pragma once

#include <cstdint>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <vector>

#include <fcvm/result.hpp>
#include <fcvm/sdk/fd.hpp>

namespace fcvm::forward {

class Guest {
 public:
  /// "10.0.2.100", "fd00::100".
  Result<void> add_address(const std::string& text);

  [[nodiscard]] std::size_t address_count() const { return addresses_.size(); }

  /// A non-blocking connection to its address `index`, perhaps still under way.
  [[nodiscard]] Result<Fd> dial_tcp(std::size_t index, std::uint16_t port) const;
  /// A connected non-blocking socket to its first address.
  [[nodiscard]] Result<Fd> dial_udp(std::uint16_t port) const;

 private:
  [[nodiscard]] Result<Fd> dial(std::size_t index, std::uint16_t port, int type) const;

  std::vector<sockaddr_in6> addresses_;  // an IPv4 one lies in it as a sockaddr_in
};

/// TCP_NODELAY: whoever sends small pieces means them to go at once.
void send_at_once(int socket);

}  // namespace fcvm::forward
