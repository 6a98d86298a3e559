// Port: a published port, as the control socket names it. Owns the socket of the host.
#pragma once

#include "plugins/net/forward/event_loop.hpp"

namespace fcvm::forward {

class Port : public Handler {
 public:
  /// Gives the socket up at once, so that the port can be taken again as soon as the owner has been
  /// told. The object is buried, for events that were fetched already.
  virtual void close() = 0;
};

}  // namespace fcvm::forward
