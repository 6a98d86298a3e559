// See own_memory.hpp.
#include "core/vm/memory/own_memory.hpp"

#include "core/log/log.hpp"

namespace fcvm::vm {

fcvm_memory_source CloneMemory::source() const {
  auto source = sized<fcvm_memory_source>();
  source.type = offered_.type;
  source.path = offered_.path.c_str();
  return source;
}

OwnMemory::~OwnMemory() {
  {
    const std::lock_guard lock(mutex_);
    has_ended_ = true;
  }
  ended_.notify_all();
  if (recorder_.joinable()) recorder_.join();
  if (!is_attached_) return;
  const auto detached = memory_.detach(clone_);
  if (!detached) log::warning("vm", "{}", detached.error().message());
}

Result<void> OwnMemory::offer(int clone_directory, base::Deadline deadline) {
  FCVM_TRY(memory_.open(snapshot_, memory_bytes_, deadline));
  offered_ = FCVM_TRY(memory_.attach(clone_, clone_directory, deadline));
  is_attached_ = true;
  return {};
}

Result<void> OwnMemory::started(int vmm_pidfd, bool prefetch) {
  FCVM_TRY(memory_.started(clone_, vmm_pidfd));
  if (memory_.wants_record()) recorder_ = std::thread([this] { record_later(); });
  if (!prefetch) return {};
  const auto done = memory_.prefetch(clone_, base::Deadline::in(kPrefetchLimit));
  // The clone is slower then, and right.
  if (!done) log::debug("vm", "{}", done.error().message());
  return {};
}

void OwnMemory::record_later() {
  std::unique_lock lock(mutex_);
  if (ended_.wait_for(lock, kFirstUse, [this] { return has_ended_; })) return;
  lock.unlock();
  memory_.record(clone_);
}

std::optional<std::string> OwnMemory::failure() {
  if (!is_attached_) return std::nullopt;
  const auto healthy = memory_.health(clone_);
  if (healthy) return std::nullopt;
  return healthy.error().message();
}

}  // namespace fcvm::vm
