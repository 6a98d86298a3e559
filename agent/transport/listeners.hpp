// Listeners: a transport that consists of listening sockets. Owns them.
#pragma once

#include <vector>

#include "agent/transport/transport.hpp"

namespace fcvm::agent {

class Listeners : public Transport {
 public:
  /// Whether the peer of a connection may have one.
  using MayServe = std::function<bool(int socket)>;

  Listeners(Loop& loop, OnAccept on_accept, MayServe may_serve)
      : loop_(loop), on_accept_(std::move(on_accept)), may_serve_(std::move(may_serve)) {}
  ~Listeners() override;

  Result<void> add(std::uint32_t port, base::Fd listener);

 private:
  void accept(int listener, std::uint32_t port);

  Loop& loop_;
  OnAccept on_accept_;
  MayServe may_serve_;
  std::vector<base::Fd> listeners_;
};

}  // namespace fcvm::agent
