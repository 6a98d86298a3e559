#include "core/vm/supervisor/image_source.hpp"

#include <unistd.h>

#include "core/base/printable.hpp"
#include "core/digest/sha256.hpp"

namespace fcvm::vm {
namespace {

constexpr std::uint64_t kLongestConfig = 16 << 20;
/// No machine has as many disks.
constexpr std::size_t kMostDisks = 4096;

std::int32_t keep_disk(void* to, const fcvm_image_disk* raw) {
  auto& disks = *static_cast<std::vector<ImageSource::Disk>*>(to);
  if (disks.size() >= kMostDisks) return 1;
  const auto disk = sized_copy(raw);
  disks.push_back({disk.path == nullptr ? "" : disk.path, disk.format == nullptr ? "" : disk.format,
                   disk.content_bytes, disk.flags});
  return 0;
}

/// It is shown, kept, and becomes part of file names.
Result<void> check_digest(const std::string& digest) {
  const auto colon = digest.find(':');
  const bool good =
      colon != std::string::npos && colon != 0 && colon + 1 < digest.size() &&
      digest.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789:+._-") == std::string::npos;
  if (good) return {};
  return fail(EPROTO,
              "what it says is the image's digest is none: \"" + base::printable(digest) + "\"",
              "report it to the author of the plugin");
}

Result<void> check_disk(const ImageSource::Disk& disk) {
  if (disk.path.empty() || disk.path.front() != '/') {
    return fail(EPROTO,
                "the image's disk \"" + base::printable(disk.path) + "\" is not an absolute path",
                "report it to the author of the plugin");
  }
  if (::access(disk.path.c_str(), R_OK) == 0) return {};
  return fail_errno("reading the image's disk " + disk.path);
}

}  // namespace

Result<ImageSource::Image> ImageSource::prepare(const std::string& reference, std::uint32_t pull,
                                                base::Deadline deadline) {
  auto request = sized<fcvm_image_request>();
  request.pull = pull;
  request.reference = reference.c_str();
  request.cache_fd = cache_.get();
  auto identity = sized<fcvm_image_identity>();
  FCVM_TRY(instance_->call({"resolve"}, instance_->verbs().resolve, &request, deadline.as_ns(),
                           &identity));
  Image image;
  image.digest = text_of(identity.digest);
  image.name = text_of(identity.name);
  FCVM_TRY(check_digest(image.digest) | context(instance_->plugin_id()));
  auto delivery = sized<fcvm_image_delivery>();
  FCVM_TRY(instance_->call({"prepare"}, instance_->verbs().prepare, &request, image.digest.c_str(),
                           deadline.as_ns(), &delivery, +keep_disk,
                           static_cast<void*>(&image.disks)));
  image.how = delivery.how;
  for (const Disk& disk : image.disks) FCVM_TRY(check_disk(disk) | context(instance_->plugin_id()));
  std::string config;
  const auto keep = [](void* to, const char* json, std::uint64_t length) -> std::int32_t {
    if (length > kLongestConfig) return 1;
    static_cast<std::string*>(to)->assign(json, length);
    return 0;
  };
  FCVM_TRY(instance_->call({"config"}, instance_->verbs().config, &request, image.digest.c_str(),
                           deadline.as_ns(), +keep, static_cast<void*>(&config)));
  if (config.empty()) {
    return fail(EPROTO, instance_->plugin_id() +
                            " gave no configuration of the image, or one of "
                            "more than 16 MiB");
  }
  image.id = digest::sha256(config);
  return image;
}

}  // namespace fcvm::vm
