// memory.uffd: a page server, one for a snapshot and all its clones.
#include <fcntl.h>
#include <memory>
#include <mutex>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <fcvm/memory.hpp>

#include "plugins/memory/common/clones.hpp"
#include "plugins/memory/common/working_set.hpp"
#include "plugins/memory/uffd/clone_server.hpp"
#include "plugins/memory/uffd/options.hpp"

namespace fcvm::memory {

namespace {

/// As the VMM's plugins do: from the device, else by the system call.
bool userfaultfd_opens() {
  if (Fd(::open("/dev/userfaultfd", O_RDWR | O_CLOEXEC))) return true;
  return Fd(static_cast<int>(::syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK))).valid();
}

}  // namespace

class UffdPlugin : public MemoryPlugin {
 public:
  using Options = UffdOptions;
  // No preference: it takes a server, and gives each clone memory of its own.
  static constexpr Info kInfo{
      "memory.uffd", FCVM_VERSION, "a page server, one for all clones of a snapshot",
      FCVM_MEMORY_CAN_PREFETCH | FCVM_MEMORY_IS_SERVER | FCVM_MEMORY_CAN_RECORD |
          FCVM_MEMORY_CAN_LAYERS | FCVM_MEMORY_CAN_HUGEPAGES};

  static Result<Probe> probe(const Host&, const Options&, const Call&) {
    if (userfaultfd_opens()) return Probe::usable();
    return Probe::unusable("this user may not use userfaultfd, through which a VMM is given pages",
                           "let the user open /dev/userfaultfd, or run "
                           "`sysctl vm.unprivileged_userfaultfd=1` as root");
  }

  UffdPlugin(const Host& host, Options options) : host_(host), options_(options) {}

  Result<void> open(const fcvm_memory_request& request, const Call& call) {
    auto served = std::make_shared<Served>();
    served->source = FCVM_TRY(PageSource::open(request));
    if (request.working_set != nullptr) {
      const auto last = sized_copy(request.layers[request.layer_count - 1]);
      served->working_set = FCVM_TRY(read_working_set(last.directory_fd, request.working_set,
                                                      request.memory_bytes, request.page_bytes));
      FCVM_TRY(served->source.read_ahead(served->working_set, call));
    }
    served->broke = Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!served->broke) return fail_errno("making an eventfd");
    served->piece_bytes =
        static_cast<std::uint64_t>(std::max<std::int64_t>(0, options_.piece.count));
    served->hand_over_timeout = options_.hand_over_timeout;
    served_ = std::move(served);
    return {};
  }

  Result<fcvm_memory_offer> attach_clone(const fcvm_memory_clone& clone, const Call&) {
    FCVM_TRY(clones_.expect_new(clone.clone_id));
    if (clones_.all().size() >= options_.max_clones) {
      return fail(
          EUSERS,
          "the page server serves " + std::to_string(options_.max_clones) + " clones already",
          "set memory.uffd.max-clones, or wait until a clone has ended");
    }
    const bool record = (clone.flags & FCVM_CLONE_RECORD) != 0;
    auto server = std::make_shared<CloneServer>(served_, record);
    FCVM_TRY(server->listen(clone.directory_fd));
    clones_.add(clone.clone_id, std::move(server));
    auto offer = sized<fcvm_memory_offer>();
    offer.type = FCVM_MEMORY_FROM_UFFD;
    put_text(offer.path, CloneServer::kSocket);
    return offer;
  }

  Result<void> clone_started(std::string_view id, int pidfd) {
    const auto clone = FCVM_TRY(clones_.find(id));
    return clone->started(pidfd);
  }

  Result<void> prefetch(std::string_view id, const Call& call) {
    const auto clone = FCVM_TRY(clones_.find(id));
    if (served_->working_set.pages() == 0) return {};
    return clone->prefetch(call);
  }

  Result<void> working_set(std::string_view id, int directory, const char* path, const Call&) {
    const auto clone = FCVM_TRY(clones_.find(id));
    const PageSet used = FCVM_TRY(clone->used());
    return write_working_set(directory, path, used, served_->source.page_bytes());
  }

  Result<void> detach_clone(std::string_view id, const Call&) {
    const auto clone = FCVM_TRY(clones_.take(id));
    end(std::string(id), *clone);
    return {};
  }

  /// Readable again when the next one breaks.
  Result<MemoryHealth> health() {
    eventfd_t count = 0;
    ::eventfd_read(served_->broke.get(), &count);
    for (const auto& [id, clone] : clones_.all()) {
      FCVM_TRY(clone->health() | context("clone " + id));
    }
    return MemoryHealth{served_->broke.get()};
  }

  Result<void> clone_health(std::string_view id) {
    const auto clone = FCVM_TRY(clones_.find(id));
    return clone->health();
  }

  /// Of clones that have left, too.
  Result<fcvm_memory_figures> figures() {
    ServerFigures sum;
    auto made = sized<fcvm_memory_figures>();
    {
      const std::lock_guard lock(mutex_);
      sum = left_;
    }
    for (const auto& [id, clone] : clones_.all()) {
      sum.add(clone->figures());
      ++made.clones;
    }
    made.faults = sum.faults;
    made.bytes_copied = sum.bytes_copied;
    made.bytes_prefetched = sum.bytes_prefetched;
    made.fault_p50_ns = sum.times.percentile(50);
    made.fault_p99_ns = sum.times.percentile(99);
    return made;
  }

  Result<void> close(const Call&) {
    end_all();
    served_.reset();
    return {};
  }

  ~UffdPlugin() { end_all(); }
  UffdPlugin(const UffdPlugin&) = delete;
  UffdPlugin& operator=(const UffdPlugin&) = delete;

 private:
  void end(const std::string& id, CloneServer& clone) {
    if (!clone.end()) {
      host_.warning("the thread of the clone " + id + " does not end: its VMM holds it up");
    }
    const std::lock_guard lock(mutex_);
    left_.add(clone.figures());
  }
  void end_all() {
    for (const auto& [id, clone] : clones_.take_all()) end(id, *clone);
  }

  Host host_;
  Options options_;
  std::shared_ptr<Served> served_;
  Clones<CloneServer> clones_;
  std::mutex mutex_;
  ServerFigures left_;  // of clones that have left
};

}  // namespace fcvm::memory

FCVM_EXPORT_PLUGIN(fcvm::memory::UffdPlugin);
