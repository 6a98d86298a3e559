// Deadlines: when each sandbox's time is over. Owns the times; knows no clock.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace fcvm::api {

class Deadlines {
 public:
  /// In place of the one that it had.
  void set(const std::string& id, std::int64_t at_s) {
    remove(id);
    times_[id] = at_s;
    order_.emplace(at_s, id);
  }
  void remove(const std::string& id) {
    const auto known = times_.find(id);
    if (known == times_.end()) return;
    order_.erase({known->second, id});
    times_.erase(known);
  }
  [[nodiscard]] std::optional<std::int64_t> earliest() const {
    return order_.empty() ? std::nullopt : std::optional(order_.begin()->first);
  }
  /// Takes out those whose time is over.
  [[nodiscard]] std::vector<std::string> take_due(std::int64_t now_s) {
    std::vector<std::string> due;
    while (!order_.empty() && order_.begin()->first <= now_s) {
      due.push_back(order_.begin()->second);
      remove(due.back());
    }
    return due;
  }

 private:
  std::map<std::string, std::int64_t> times_;
  std::set<std::pair<std::int64_t, std::string>> order_;
};

}  // namespace fcvm::api
