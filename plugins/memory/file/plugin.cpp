// memory.file: a clone maps the snapshot's memory file privately.
#include <memory>
#include <unistd.h>

#include <fcvm/memory.hpp>

#include "plugins/memory/common/clones.hpp"
#include "plugins/memory/common/working_set.hpp"
#include "plugins/memory/file/clone.hpp"

namespace fcvm::memory {

class FilePlugin : public MemoryPlugin {
 public:
  static constexpr Info kInfo{"memory.file", FCVM_VERSION,
                              "maps the snapshot's memory file, whose clean pages clones share",
                              FCVM_MEMORY_SHARES_PAGES | FCVM_MEMORY_CAN_PREFETCH |
                                  FCVM_MEMORY_CAN_RECORD | FCVM_MEMORY_CAN_LAYERS,
                              50};

  Result<void> open(const fcvm_memory_request& request, const Call&) {
    if (request.page_bytes != static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE))) {
      return fail(ENOTSUP, "a snapshot with huge pages cannot be mapped from its file",
                  "use memory.uffd");
    }
    auto layers = FCVM_TRY(open_layers(request));
    PageSet working_set;
    if (request.working_set != nullptr) {
      const auto last = sized_copy(request.layers[request.layer_count - 1]);
      working_set = FCVM_TRY(read_working_set(last.directory_fd, request.working_set,
                                              request.memory_bytes, request.page_bytes));
    }
    layers_ = std::move(layers);
    working_set_ = std::move(working_set);
    memory_bytes_ = request.memory_bytes;
    page_bytes_ = request.page_bytes;
    return {};
  }

  Result<fcvm_memory_offer> attach_clone(const fcvm_memory_clone& clone, const Call& call) {
    FCVM_TRY(clones_.expect_new(clone.clone_id));
    const bool record = (clone.flags & FCVM_CLONE_RECORD) != 0;
    auto made = std::make_shared<FileClone>(memory_bytes_, page_bytes_, record);
    FCVM_TRY(made->offer(layers_, clone.directory_fd, call));
    clones_.add(clone.clone_id, std::move(made));
    auto offer = sized<fcvm_memory_offer>();
    offer.type = FCVM_MEMORY_FROM_FILE;
    put_text(offer.path, FileClone::kName);
    return offer;
  }

  Result<void> clone_started(std::string_view id, int pidfd) {
    FCVM_TRY(clones_.find(id))->started(pidfd);
    return {};
  }

  Result<void> prefetch(std::string_view id, const Call& call) {
    const auto clone = FCVM_TRY(clones_.find(id));
    if (working_set_.pages() == 0) return {};
    return clone->prefetch(working_set_, call);
  }

  Result<void> working_set(std::string_view id, int directory, const char* path, const Call&) {
    const auto clone = FCVM_TRY(clones_.find(id));
    const PageSet used = FCVM_TRY(clone->used(working_set_));
    return write_working_set(directory, path, used, page_bytes_);
  }

  Result<void> detach_clone(std::string_view id, const Call&) {
    FCVM_TRY(clones_.take(id));
    return {};
  }

  Result<void> clone_health(std::string_view id) {
    FCVM_TRY(clones_.find(id));
    return {};
  }

  Result<fcvm_memory_figures> figures() {
    auto sum = sized<fcvm_memory_figures>();
    for (const auto& [id, clone] : clones_.all()) {
      ++sum.clones;
      sum.bytes_prefetched += clone->bytes_prefetched();
    }
    return sum;
  }

  Result<void> close(const Call&) {
    clones_.take_all();
    layers_.clear();
    working_set_ = {};
    return {};
  }

 private:
  std::vector<Layer> layers_;
  PageSet working_set_;
  std::uint64_t memory_bytes_ = 0;
  std::uint64_t page_bytes_ = 0;
  Clones<FileClone> clones_;
};

}  // namespace fcvm::memory

FCVM_EXPORT_PLUGIN(fcvm::memory::FilePlugin);
