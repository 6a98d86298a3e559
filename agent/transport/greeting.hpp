// Greeting: the hello with which every stream of the agent begins. Owns only whether it was said.
#pragma once

#include <string>

#include "agent/transport/stream.hpp"
#include "core/wire/hello.hpp"

namespace fcvm::agent {

class Greeting {
 public:
  /// Sends ours; the peer's may come at its leisure.
  void say(Stream& stream) const { stream.send(wire::encode(ours())); }

  /// True when the frame was the peer's hello, which has to be its first; errors end the stream.
  Result<bool> take(const wire::Frame& frame);

  static wire::Hello ours();
  /// A name for this life of the guest, renewed after a restore.
  static std::string& instance();

 private:
  bool heard_ = false;
};

}  // namespace fcvm::agent
