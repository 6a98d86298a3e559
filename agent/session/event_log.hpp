// EventLog: every event of the guest's life, numbered, and how its container is, for hosts that
// come late or come again.
#pragma once

#include <cstdint>
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

  /// In place of what it was, and tells the listener.
  void set_health(wire::Health health);

  [[nodiscard]] const std::vector<wire::Event>& events() const { return events_; }
  /// The container stands still: what was until now is nothing new to a clone.
  void mark() { marked_ = events_.size(); }
  /// How many there were then.
  [[nodiscard]] std::uint64_t marked() const { return marked_; }
  [[nodiscard]] const wire::Health& health() const { return health_; }
  /// How often it was set.
  [[nodiscard]] std::uint64_t health_count() const { return health_count_; }
  void listen(Listener listener) { listener_ = std::move(listener); }

 private:
  std::vector<wire::Event> events_;  // a life has few dozens
  std::uint64_t marked_ = 0;
  wire::Health health_;
  std::uint64_t health_count_ = 0;
  Listener listener_;
};

}  // namespace fcvm::agent
