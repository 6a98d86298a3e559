// See forward_service.hpp.
#include "agent/forward_service.hpp"

namespace fcvm::agent {

void ForwardService::serve(base::Fd socket) {
  auto& session = sessions_.add(std::make_unique<ForwardSession>(loop_, std::move(socket)));
  if (!session.start([this, &session] { sessions_.end(session); })) sessions_.end(session);
}

}  // namespace fcvm::agent
