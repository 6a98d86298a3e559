// Clones: the clones that a memory plugin serves, by the ids that the host gave them. From any
// thread. Owns them together with whoever works on one.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include <fcvm/result.hpp>

namespace fcvm::memory {

template <typename Clone>
class Clones {
 public:
  using Map = std::map<std::string, std::shared_ptr<Clone>, std::less<>>;

  /// EEXIST for an id that has one.
  Result<void> expect_new(std::string_view id) {
    const std::lock_guard lock(mutex_);
    if (!clones_.contains(id)) return {};
    return fail(EEXIST, "the clone " + std::string(id) + " is attached");
  }
  void add(std::string id, std::shared_ptr<Clone> clone) {
    const std::lock_guard lock(mutex_);
    clones_[std::move(id)] = std::move(clone);
  }

  /// ENOENT for an id that has none.
  Result<std::shared_ptr<Clone>> find(std::string_view id) {
    const std::lock_guard lock(mutex_);
    const auto found = clones_.find(id);
    if (found == clones_.end()) return fail(ENOENT, "no clone " + std::string(id));
    return found->second;
  }
  /// The same, and it is none of these afterwards.
  Result<std::shared_ptr<Clone>> take(std::string_view id) {
    const std::lock_guard lock(mutex_);
    const auto found = clones_.find(id);
    if (found == clones_.end()) return fail(ENOENT, "no clone " + std::string(id));
    auto clone = std::move(found->second);
    clones_.erase(found);
    return clone;
  }

  /// As they are now.
  Map all() {
    const std::lock_guard lock(mutex_);
    return clones_;
  }
  Map take_all() {
    const std::lock_guard lock(mutex_);
    return std::exchange(clones_, {});
  }

 private:
  std::mutex mutex_;
  Map clones_;
};

}  // namespace fcvm::memory
