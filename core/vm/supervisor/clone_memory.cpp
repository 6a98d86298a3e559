// See clone_memory.hpp.
#include "core/vm/supervisor/clone_memory.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "core/base/io/fd.hpp"
#include "core/log/log.hpp"

namespace fcvm::vm {
namespace {

using plugin::Threads;
using plugin::VerbRule;

// The states of memory.h.
enum State : int { kClosedState = 0, kOpenState = 1 };
constexpr unsigned kClosed = 1u << kClosedState;
constexpr unsigned kOpen = 1u << kOpenState;

constexpr VerbRule kOpenVerb{"open", Threads::kWorker, kClosed, kOpenState};
constexpr VerbRule kAttach{"attach_clone", Threads::kWorker, kOpen};
constexpr VerbRule kStarted{"clone_started", Threads::kWorker, kOpen};
constexpr VerbRule kPrefetch{"prefetch", Threads::kAny, kOpen};
constexpr VerbRule kDetach{"detach_clone", Threads::kWorker, kOpen};
constexpr VerbRule kClose{"close", Threads::kWorker, kClosed | kOpen, kClosedState};

constexpr auto kEndLimit = std::chrono::seconds(10);

}  // namespace

CloneMemory::~CloneMemory() {
  const auto told = [](const Result<void>& done) {
    if (!done) log::warning("vm", "{}", done.error().message());
  };
  const auto& verbs = instance_->verbs();
  const auto deadline = base::Deadline::in(kEndLimit);
  if (is_attached_) {
    told(instance_->call(kDetach, verbs.detach_clone, clone_id_.c_str(), deadline.as_ns()));
  }
  if (is_open_) told(instance_->call(kClose, verbs.close, deadline.as_ns()));
}

Result<void> CloneMemory::offer(const RestorePlan& from, std::uint64_t memory_bytes,
                                int clone_directory, base::Deadline deadline) {
  const Fd directory = FCVM_TRY(base::open_file(from.directory.string(), O_RDONLY | O_DIRECTORY));
  auto layer = sized<fcvm_memory_layer>();
  layer.directory_fd = directory.get();
  layer.path = kSnapshotMemory;
  const fcvm_memory_layer* const layers[] = {&layer};
  auto request = sized<fcvm_memory_request>();
  request.layers = layers;
  request.layer_count = 1;
  request.memory_bytes = memory_bytes;
  request.page_bytes = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  FCVM_TRY(instance_->call(kOpenVerb, instance_->verbs().open, &request, deadline.as_ns()));
  is_open_ = true;
  auto clone = sized<fcvm_memory_clone>();
  clone.clone_id = clone_id_.c_str();
  clone.directory_fd = clone_directory;
  auto offered = sized<fcvm_memory_offer>();
  FCVM_TRY(instance_->call(kAttach, instance_->verbs().attach_clone, &clone, deadline.as_ns(),
                           &offered));
  is_attached_ = true;
  offered_ = offered;
  offered_.path[sizeof offered_.path - 1] = '\0';
  return {};
}

fcvm_memory_source CloneMemory::source() const {
  auto source = sized<fcvm_memory_source>();
  source.type = offered_.type;
  source.path = offered_.path;
  return source;
}

Result<void> CloneMemory::started(int vmm_pidfd, bool prefetch, base::Deadline deadline) {
  const auto& verbs = instance_->verbs();
  FCVM_TRY(instance_->call(kStarted, verbs.clone_started, clone_id_.c_str(), vmm_pidfd));
  if (!prefetch || verbs.prefetch == nullptr) return {};
  const auto done = instance_->call(kPrefetch, verbs.prefetch, clone_id_.c_str(), deadline.as_ns());
  // The clone is slower then, and right.
  if (!done) log::debug("vm", "{}", done.error().message());
  return {};
}

}  // namespace fcvm::vm
