// See handle_table.hpp.
#include "fusepipe/server/handle_table.hpp"

namespace fcvm::fusepipe {

std::uint64_t HandleTable::add(std::shared_ptr<Handle> handle) {
  const std::scoped_lock lock(mutex_);
  if (handles_.size() >= limit_) return 0;
  handles_.emplace(next_, std::move(handle));
  return next_++;
}

std::shared_ptr<Handle> HandleTable::find(std::uint64_t number, std::uint64_t node) const {
  const std::scoped_lock lock(mutex_);
  const auto found = handles_.find(number);
  if (found == handles_.end() || found->second->node.id != node) return nullptr;
  return found->second;
}

void HandleTable::remove(std::uint64_t number, std::uint64_t node) {
  std::shared_ptr<Handle> last;  // closed after the lock, since closing may take long
  const std::scoped_lock lock(mutex_);
  const auto found = handles_.find(number);
  if (found == handles_.end() || found->second->node.id != node) return;
  last = std::move(found->second);
  handles_.erase(found);
}

}  // namespace fcvm::fusepipe
