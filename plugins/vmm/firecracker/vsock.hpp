// Streams to guest ports, through the Unix socket of Firecracker's vsock device.
#pragma once

#include <cstddef>
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

/// Ends every stream that dial_guest() made on a socket of this name, for Firecracker is the only
/// one who knows them all: its own ends are taken from it (`pidfd`, the process `pid`) and shut
/// down, so that whoever holds another end reads its end of file. Returns how many there were.
Result<std::size_t> end_streams(int pid, int pidfd, const std::string& socket);

}  // namespace fcvm::firecracker
