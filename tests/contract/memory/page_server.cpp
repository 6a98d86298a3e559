// memory.page-server: a page server as memory.h describes it, with every verb and no ambition. The
// contract test uses it as a host would, and so the header with it.
#include <algorithm>
#include <fcntl.h>
#include <map>
#include <memory>
#include <sys/eventfd.h>
#include <unistd.h>

#include <fcvm/memory.hpp>

#include "core/base/io/fd.hpp"
#include "plugins/memory/common/working_set.hpp"
#include "tests/contract/memory/clone_server.hpp"

namespace fcvm::test {
namespace {

constexpr std::uint64_t kPage = 4096;

class PageServer : public MemoryPlugin {
 public:
  static constexpr Info kInfo{"memory.page-server", "1.0.0", "serves pages to tests",
                              FCVM_MEMORY_CAN_PREFETCH | FCVM_MEMORY_IS_SERVER |
                                  FCVM_MEMORY_CAN_RECORD | FCVM_MEMORY_CAN_LAYERS};

  Result<void> open(const fcvm_memory_request& request, const Call&) {
    if (request.page_bytes != kPage) return fail(ENOTSUP, "its pages have 4096 bytes");
    Layers layers = FCVM_TRY(Layers::open(request));
    std::vector<std::uint64_t> working_set;
    if (request.working_set != nullptr) {
      const auto last = sized_copy(request.layers[request.layer_count - 1]);
      const auto set = FCVM_TRY(memory::read_working_set(last.directory_fd, request.working_set,
                                                         request.memory_bytes, kPage));
      for (std::uint64_t page = 0; page < set.pages(); ++page) {
        if (set.has(page)) working_set.push_back(page * kPage);
      }
    }
    broke_ = Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!broke_) return fail_errno("making an eventfd");
    layers_ = std::move(layers);
    working_set_ = std::move(working_set);
    return {};
  }

  Result<fcvm_memory_offer> attach_clone(const fcvm_memory_clone& clone, const Call&) {
    if (find(clone.clone_id)) {
      return fail(EEXIST, std::string("the clone ") + clone.clone_id + " is attached");
    }
    auto server = std::make_shared<CloneServer>(layers_, broke_.get());
    FCVM_TRY(server->listen(clone));
    const std::lock_guard lock(mutex_);
    clones_[clone.clone_id] = std::move(server);
    auto offer = sized<fcvm_memory_offer>();
    offer.type = FCVM_MEMORY_FROM_UFFD;
    put_text(offer.path, CloneServer::kSocket);
    return offer;
  }

  Result<void> clone_started(std::string_view id, int pidfd) {
    const auto clone = FCVM_TRY(find(id));
    return clone->started(pidfd);
  }

  Result<void> prefetch(std::string_view id, const Call& call) {
    const auto clone = FCVM_TRY(find(id));
    if (working_set_.empty()) return {};
    return clone->prefetch(working_set_, call);
  }

  Result<void> working_set(std::string_view id, int directory, const char* path, const Call&) {
    const auto clone = FCVM_TRY(find(id));
    const auto used = FCVM_TRY(clone->used());
    memory::PageSet set(layers_.size() / kPage);
    for (const std::uint64_t offset : used) set.add(offset / kPage);
    return memory::write_working_set(directory, path, set, kPage);
  }

  Result<void> detach_clone(std::string_view id, const Call&) {
    const auto clone = FCVM_TRY(find(id));
    {
      const std::lock_guard lock(mutex_);
      clones_.erase(clones_.find(id));
    }
    clone->end();
    return {};
  }

  /// Readable again when the next one breaks.
  Result<MemoryHealth> health() {
    eventfd_t count = 0;
    ::eventfd_read(broke_.get(), &count);
    for (const auto& [id, clone] : all()) {
      FCVM_TRY(clone->health() | context("clone " + id));
    }
    return MemoryHealth{broke_.get()};
  }

  Result<void> clone_health(std::string_view id) {
    const auto clone = FCVM_TRY(find(id));
    return clone->health();
  }

  Result<fcvm_memory_figures> figures() {
    auto sum = sized<fcvm_memory_figures>();
    std::vector<std::uint64_t> times;
    for (const auto& [id, clone] : all()) clone->add_figures(sum, times);
    std::sort(times.begin(), times.end());
    if (!times.empty()) {
      sum.fault_p50_ns = times[times.size() / 2];
      sum.fault_p99_ns = times[times.size() * 99 / 100];
    }
    return sum;
  }

  Result<void> close(const Call&) {
    for (const auto& [id, clone] : all()) clone->end();
    const std::lock_guard lock(mutex_);
    clones_.clear();
    layers_ = {};
    broke_.reset();
    return {};
  }

 private:
  using Clones = std::map<std::string, std::shared_ptr<CloneServer>, std::less<>>;

  Clones all() {
    const std::lock_guard lock(mutex_);
    return clones_;
  }
  Result<std::shared_ptr<CloneServer>> find(std::string_view id) {
    const std::lock_guard lock(mutex_);
    const auto found = clones_.find(id);
    if (found == clones_.end()) return fail(ENOENT, "no clone " + std::string(id));
    return found->second;
  }

  Layers layers_;
  std::vector<std::uint64_t> working_set_;
  Fd broke_;
  std::mutex mutex_;
  Clones clones_;
};

}  // namespace
}  // namespace fcvm::test
FCVM_EXPORT_PLUGIN(fcvm::test::PageServer);
