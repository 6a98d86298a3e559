// What a Mux holds, for the tests that bound it.
#pragma once

#include "core/wire/mux.hpp"

namespace fcvm::wire {

struct MuxInside {
  static std::size_t streams(const Mux& mux) { return mux.streams_.size(); }
  /// Streams that wait to be written, each once.
  static std::size_t turns(const Mux& mux) { return mux.turns_.size(); }
  static bool in_session(const Mux& mux) { return mux.in_session_; }
};

}  // namespace fcvm::wire
