// MapSession: one stream of the host's for a mapped directory, until it is known which: then it is
// the map's. Owns the stream until then.
#pragma once

#include <functional>
#include <memory>

#include "agent/loop.hpp"
#include "agent/maps/maps.hpp"
#include "agent/transport/greeting.hpp"
#include "agent/transport/stream.hpp"

namespace fcvm::agent {

class MapSession {
 public:
  MapSession(Loop& loop, base::Fd socket, Maps& maps);

  Result<void> start(std::function<void()> on_over);

 private:
  Result<void> on_frame(const wire::Frame& frame);

  Loop& loop_;
  Maps& maps_;
  std::unique_ptr<Stream> stream_;
  Greeting greeting_;
  std::function<void()> on_over_;
};

}  // namespace fcvm::agent
