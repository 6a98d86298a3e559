// The transport over one virtio-serial port: a socket pair per stream of the multiplexer, so that
// the services see sockets whatever the VMM has.
#pragma once

#include "agent/transport/transport.hpp"

namespace fcvm::agent {

[[nodiscard]] Result<std::unique_ptr<Transport>> mux_transport(Loop& loop,
                                                               const std::string& device,
                                                               Transport::OnAccept on_accept);

}  // namespace fcvm::agent
