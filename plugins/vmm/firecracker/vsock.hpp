// Streams to guest ports, through the Unix socket of Firecracker's vsock device.
#pragma once

#include <cstdint>
#include <string>

#include <fcvm/result.hpp>
#include <fcvm/sdk/call.hpp>
#include <fcvm/sdk/fd.hpp>

namespace fcvm::firecracker {

/// Says "CONNECT <port>" on `socket`, an entry of `directory`, and returns the stream once the
/// guest has accepted. ECONNREFUSED when nobody listens there: Firecracker closes without a word.
Result<Fd> dial_guest(int directory, const std::string& socket, std::uint32_t port,
                      const Call& call);

}  // namespace fcvm::firecracker
