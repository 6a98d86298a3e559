// ImageSource: an image plugin's instance as C++ calls, over one cache directory.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <fcvm/result.hpp>
#include <fcvm/sdk/fd.hpp>

#include "core/base/deadline.hpp"
#include "core/plugin/instance.hpp"

namespace fcvm::vm {

class ImageSource {
 public:
  ImageSource(std::unique_ptr<plugin::Instance<fcvm_image_v1>> instance, Fd cache)
      : instance_(std::move(instance)), cache_(std::move(cache)) {}

  struct Disk {
    std::string path;  // absolute
    std::string format;
    std::uint64_t content_bytes = 0;  // 0: all of it
    std::uint32_t flags = 0;          // FCVM_DISK_...
  };
  struct Image {
    std::string digest;
    std::string name;
    std::string id;         // of the image configuration: what podman calls the image's id
    std::uint32_t how = 0;  // FCVM_GUEST_...
    std::vector<Disk> disks;
  };

  /// Resolves the reference and fetches whatever is missing.
  [[nodiscard]] Result<Image> prepare(const std::string& reference, std::uint32_t pull,
                                      base::Deadline deadline);
  void cancel() { instance_->cancel(); }

 private:
  std::unique_ptr<plugin::Instance<fcvm_image_v1>> instance_;
  Fd cache_;
};

}  // namespace fcvm::vm
