// ForwardService: joins a stream of the host to a TCP port on the guest's loopback.
//
// Owns the pairs of sockets. No frame after the reply: the bytes are the application's.
#pragma once

#include "agent/forward_session.hpp"
#include "agent/sessions.hpp"

namespace fcvm::agent {

class ForwardService {
 public:
  explicit ForwardService(Loop& loop) : loop_(loop), sessions_(loop) {}

  void serve(base::Fd socket);

 private:
  Loop& loop_;
  Sessions<ForwardSession> sessions_;
};

}  // namespace fcvm::agent
