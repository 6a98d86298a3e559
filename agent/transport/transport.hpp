// Transport: where the host's connections come from; each arrives as a socket and a port number.
//
// Owns the listeners. Two kinds: AF_VSOCK where the VMM has it, and the multiplexer over
// virtio-serial where it has not. The guest only ever listens; after a restore listeners are as
// they were, and the host dials again.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <sys/types.h>

#include <fcvm/result.hpp>

#include "agent/loop.hpp"
#include "core/base/io/fd.hpp"

struct sockaddr_vm;

namespace fcvm::agent {

class Transport {
 public:
  using OnAccept = std::function<void(std::uint32_t port, base::Fd socket)>;

  virtual ~Transport() = default;

  /// The one that this guest has; waits a while for its device, for drivers probe by themselves.
  static Result<std::unique_ptr<Transport>> of_guest(Loop& loop, OnAccept on_accept);
};

/// The host alone. With the module vsock_loopback a guest can dial itself, and a container with it;
/// other VMs can where a VMM passes their connections on.
[[nodiscard]] bool may_serve(const sockaddr_vm& peer);

/// Sends some of the bytes to the host, without waiting; -1 with errno. Never so many that the
/// kernel makes a packet of several pieces of them (more than 32 KiB): Firecracker before 1.14
/// sends the first piece twice when the host is slow to take the packet.
ssize_t send_some(int socket, std::string_view bytes);

}  // namespace fcvm::agent
