// memory.plain-file: a clone maps the snapshot's memory file privately. The file is linked into the
// clone's directory, so that it stays even when the snapshot is removed.
#include <atomic>
#include <fcntl.h>
#include <map>
#include <sys/stat.h>
#include <unistd.h>

#include <fcvm/memory.hpp>

class PlainFile : public fcvm::MemoryPlugin {
 public:
  static constexpr fcvm::Info kInfo{"memory.plain-file", "1.0.0",
                                    "maps the snapshot's memory file privately",
                                    FCVM_MEMORY_SHARES_PAGES};

  fcvm::Result<void> open(const fcvm_memory_request& request, const fcvm::Call&) {
    // One layer, since FCVM_MEMORY_CAN_LAYERS is not among the capabilities.
    const auto layer = fcvm::sized_copy(request.layers[0]);
    // Opened anew and not duplicated: a borrowed fd is good for this call only.
    snapshot_ = fcvm::Fd(::openat(layer.directory_fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
    memory_ = layer.path;
    struct stat status {};
    if (::faccessat(snapshot_.get(), memory_.c_str(), R_OK, 0) != 0 ||
        ::fstatat(snapshot_.get(), memory_.c_str(), &status, 0) != 0) {
      return fcvm::fail_errno("reading the snapshot's " + memory_);
    }
    // What is missing would be zeros.
    if (static_cast<std::uint64_t>(status.st_size) == request.memory_bytes) return {};
    return fcvm::fail(EINVAL, memory_ + " is not as long as the VM's memory",
                      "make the snapshot again");
  }
  fcvm::Result<fcvm_memory_offer> attach_clone(const fcvm_memory_clone& clone, const fcvm::Call&) {
    if (homes_.count(clone.clone_id) != 0) {
      return fcvm::fail(EEXIST, std::string("the clone ") + clone.clone_id + " is attached");
    }
    auto offer = fcvm::sized<fcvm_memory_offer>();
    offer.type = FCVM_MEMORY_FROM_FILE;
    fcvm::put_text(offer.path, "memory.bin");
    fcvm::Fd home(::openat(clone.directory_fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (::linkat(snapshot_.get(), memory_.c_str(), home.get(), offer.path, 0) != 0) {
      return fcvm::fail_errno("linking " + memory_ + " into the clone " + clone.clone_id,
                              "keep snapshots and VMs on one file system");
    }
    homes_[clone.clone_id] = std::move(home);
    count_ = static_cast<std::uint32_t>(homes_.size());
    return offer;
  }
  fcvm::Result<void> detach_clone(std::string_view clone_id, const fcvm::Call&) {
    const auto found = homes_.find(clone_id);
    if (found == homes_.end()) return fcvm::fail(ENOENT, "no clone " + std::string(clone_id));
    ::unlinkat(found->second.get(), "memory.bin", 0);  // the directory may be gone already
    homes_.erase(found);
    count_ = static_cast<std::uint32_t>(homes_.size());
    return {};
  }
  fcvm::Result<fcvm_memory_figures> figures() {
    auto figures = fcvm::sized<fcvm_memory_figures>();
    figures.clones = count_;
    return figures;
  }
  fcvm::Result<void> close(const fcvm::Call&) { return snapshot_.close(); }

 private:
  fcvm::Fd snapshot_;
  std::string memory_;
  std::map<std::string, fcvm::Fd, std::less<>> homes_;
  std::atomic<std::uint32_t> count_{0};  // figures() may be called from any thread
};
FCVM_EXPORT_PLUGIN(PlainFile);
