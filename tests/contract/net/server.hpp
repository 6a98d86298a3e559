// Server: owns a TCP and a UDP socket of one address and port, and a thread that answers both with
// one line: whom the guest has reached.
#pragma once

#include <cstdint>
#include <string>
#include <thread>

#include <fcvm/result.hpp>

#include "core/base/io/fd.hpp"

namespace fcvm::test {

struct ServerSockets {
  base::Fd stream;
  base::Fd datagrams;

  /// In the network namespace of the calling thread, to which they belong from then on.
  static Result<ServerSockets> bind(const std::string& address, std::uint16_t port);
};

class Server {
 public:
  Server(const std::string& address, std::uint16_t port, std::string line);
  /// Answers on sockets that are lent to it.
  Server(const ServerSockets& sockets, std::string line);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();

 private:
  void serve();

  std::string line_;
  ServerSockets sockets_;
  base::Fd stop_;
  std::thread thread_;
};

}  // namespace fcvm::test
