// A memory plugin that maps a file privately, of which each broken one changes one thing.
#pragma once

#include <fcntl.h>
#include <map>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

#include <fcvm/memory.hpp>

namespace base {

class MappedFile : public fcvm::MemoryPlugin {
 public:
  fcvm::Result<void> open(const fcvm_memory_request& request, const fcvm::Call&) {
    const auto layer = fcvm::sized_copy(request.layers[0]);
    snapshot_ = fcvm::Fd(::openat(layer.directory_fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
    memory_ = layer.path;
    size_ = request.memory_bytes;
    struct stat status {};
    if (::fstatat(snapshot_.get(), layer.path, &status, 0) != 0) {
      return fcvm::fail_errno("looking at the memory");
    }
    if (takes_any_length_ || static_cast<std::uint64_t>(status.st_size) == size_) return {};
    return fcvm::fail(EINVAL, "the memory was cut");
  }
  fcvm::Result<fcvm_memory_offer> attach_clone(const fcvm_memory_clone& clone, const fcvm::Call&) {
    if (!takes_any_id_ && homes_.count(clone.clone_id) != 0) {
      return fcvm::fail(EEXIST, "the clone is attached");
    }
    auto offer = fcvm::sized<fcvm_memory_offer>();
    offer.type = FCVM_MEMORY_FROM_FILE;
    fcvm::put_text(offer.path, "memory.bin");
    fcvm::Fd home(::openat(clone.directory_fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!make(home.get())) return fcvm::fail_errno("offering the memory");
    homes_[clone.clone_id] = std::move(home);
    return offer;
  }
  fcvm::Result<void> detach_clone(std::string_view clone_id, const fcvm::Call&) {
    const auto found = homes_.find(clone_id);
    if (found == homes_.end()) return fcvm::fail(ENOENT, "no such clone");
    ::unlinkat(found->second.get(), "memory.bin", 0);
    homes_.erase(found);
    return {};
  }
  fcvm::Result<fcvm_memory_figures> figures() { return fcvm::sized<fcvm_memory_figures>(); }
  fcvm::Result<void> close(const fcvm::Call&) { return snapshot_.close(); }

 protected:
  bool takes_any_length_ = false;
  bool takes_any_id_ = false;
  bool makes_zeros_ = false;

 private:
  bool make(int home) const {
    if (!makes_zeros_) {
      return ::linkat(snapshot_.get(), memory_.c_str(), home, "memory.bin", 0) == 0;
    }
    const fcvm::Fd file(::openat(home, "memory.bin", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    return ::ftruncate(file.get(), static_cast<off_t>(size_)) == 0;
  }

  fcvm::Fd snapshot_;
  std::string memory_;
  std::uint64_t size_ = 0;
  std::map<std::string, fcvm::Fd, std::less<>> homes_;
};

}  // namespace base
