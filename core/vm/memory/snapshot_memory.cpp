// See snapshot_memory.hpp.
#include "core/vm/memory/snapshot_memory.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/io/fd.hpp"
#include "core/log/log.hpp"
#include "core/vm/model/restore_plan.hpp"

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
constexpr VerbRule kWorkingSet{"working_set", Threads::kAny, kOpen};
constexpr VerbRule kDetach{"detach_clone", Threads::kWorker, kOpen};
constexpr VerbRule kClose{"close", Threads::kWorker, kClosed | kOpen, kClosedState};
constexpr VerbRule kHealth{"clone_health", Threads::kAny, kOpen};
constexpr VerbRule kFigures{"figures", Threads::kAny, kOpen};

constexpr auto kEndLimit = std::chrono::seconds(10);
constexpr auto kRecordLimit = std::chrono::seconds(30);

bool exists_at(int directory, const std::string& name) {
  struct stat status {};
  return ::fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0;
}

}  // namespace

SnapshotMemory::~SnapshotMemory() {
  if (!is_open_) return;
  const auto closed =
      instance_->call(kClose, instance_->verbs().close, base::Deadline::in(kEndLimit).as_ns());
  if (!closed) log::warning("vm", "{}", closed.error().message());
}

Result<void> SnapshotMemory::open(const std::filesystem::path& directory,
                                  std::uint64_t memory_bytes, base::Deadline deadline) {
  directory_ = FCVM_TRY(base::open_file(directory.string(), O_RDONLY | O_DIRECTORY));
  working_set_ = kSnapshotWorkingSet + instance_->plugin_id();
  auto request = sized<fcvm_memory_request>();
  request.memory_bytes = memory_bytes;
  request.page_bytes = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  const bool is_known = exists_at(directory_.get(), working_set_);
  auto opened = open_with(request, is_known ? working_set_ : "", deadline);
  if (!opened && is_known && opened.error().code() != ECANCELED) {
    // Whoever wrote it was cut short, or was another version.
    log::debug("vm", "{}", opened.error().message());
    ::unlinkat(directory_.get(), working_set_.c_str(), 0);
    opened = open_with(request, "", deadline);
  }
  FCVM_TRY(std::move(opened));
  is_open_ = true;
  wants_record_ =
      instance_->verbs().working_set != nullptr && !exists_at(directory_.get(), working_set_);
  return {};
}

Result<void> SnapshotMemory::open_with(fcvm_memory_request request, const std::string& working_set,
                                       base::Deadline deadline) {
  auto layer = sized<fcvm_memory_layer>();
  layer.directory_fd = directory_.get();
  layer.path = kSnapshotMemory;
  const fcvm_memory_layer* const layers[] = {&layer};
  request.layers = layers;
  request.layer_count = 1;
  request.working_set = working_set.empty() ? nullptr : working_set.c_str();
  return instance_->call(kOpenVerb, instance_->verbs().open, &request, deadline.as_ns());
}

Result<ask::MemoryOffer> SnapshotMemory::attach(const std::string& clone, int clone_directory,
                                                base::Deadline deadline) {
  auto wanted = sized<fcvm_memory_clone>();
  wanted.clone_id = clone.c_str();
  wanted.directory_fd = clone_directory;
  if (wants_record_) wanted.flags |= FCVM_CLONE_RECORD;
  auto offered = sized<fcvm_memory_offer>();
  {
    const std::lock_guard lock(worker_);
    FCVM_TRY(instance_->call(kAttach, instance_->verbs().attach_clone, &wanted, deadline.as_ns(),
                             &offered));
  }
  offered.path[sizeof offered.path - 1] = '\0';
  return ask::MemoryOffer{offered.type, offered.path};
}

Result<void> SnapshotMemory::started(const std::string& clone, int vmm_pidfd) {
  const std::lock_guard lock(worker_);
  return instance_->call(kStarted, instance_->verbs().clone_started, clone.c_str(), vmm_pidfd);
}

Result<void> SnapshotMemory::prefetch(const std::string& clone, base::Deadline deadline) {
  if (instance_->verbs().prefetch == nullptr) return {};
  return instance_->call(kPrefetch, instance_->verbs().prefetch, clone.c_str(), deadline.as_ns());
}

Result<void> SnapshotMemory::detach(const std::string& clone) {
  const std::lock_guard lock(worker_);
  return instance_->call(kDetach, instance_->verbs().detach_clone, clone.c_str(),
                         base::Deadline::in(kEndLimit).as_ns());
}

Result<void> SnapshotMemory::health(const std::string& clone) {
  return instance_->call(kHealth, instance_->verbs().clone_health, clone.c_str());
}

Result<fcvm_memory_figures> SnapshotMemory::figures() {
  auto figures = sized<fcvm_memory_figures>();
  FCVM_TRY(instance_->call(kFigures, instance_->verbs().figures, &figures));
  return figures;
}

void SnapshotMemory::record(const std::string& clone) {
  const auto written =
      instance_->call(kWorkingSet, instance_->verbs().working_set, clone.c_str(), directory_.get(),
                      working_set_.c_str(), base::Deadline::in(kRecordLimit).as_ns());
  // Later clones are slower without it, and right.
  if (!written && written.error().code() != EEXIST) {
    log::debug("vm", "{}", written.error().message());
  }
}

}  // namespace fcvm::vm
