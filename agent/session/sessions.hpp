// Sessions: owns the objects that serve one connection each, and lets them end themselves.
#pragma once

#include <map>
#include <memory>

#include "agent/loop.hpp"

namespace fcvm::agent {

template <typename Session>
class Sessions {
 public:
  explicit Sessions(Loop& loop) : loop_(loop) {}

  Session& add(std::unique_ptr<Session> session) {
    Session& added = *session;
    sessions_[&added] = std::move(session);
    return added;
  }
  /// Once the callbacks under way have returned.
  void end(Session& session) {
    loop_.soon([this, gone = &session] { sessions_.erase(gone); });
  }
  template <typename Use>
  void each(const Use& use) {
    for (auto& [key, session] : sessions_) use(*session);
  }
  [[nodiscard]] std::size_t size() const { return sessions_.size(); }

 private:
  Loop& loop_;
  std::map<Session*, std::unique_ptr<Session>> sessions_;
};

}  // namespace fcvm::agent
