// EventLog: every event of the guest's life, numbered, for hosts that come late or come again.
#pragma once

#include <functional>
#include <vector>

#include "core/wire/control.hpp"

namespace fcvm::agent {

class EventLog {
 public:
  using Listener = std::function<void()>;

  /// Numbers it, stamps it, keeps it, and tells the listener.
  void add(wire::Event event);
  void progress(const std::string& stage);

  [[nodiscard]] const std::vector<wire::Event>& events() const { return events_; }
  void listen(Listener listener) { listener_ = std::move(listener); }

 private:
  std::vector<wire::Event> events_;  // a life has few dozens
  Listener listener_;
};

}  // namespace fcvm::agent
