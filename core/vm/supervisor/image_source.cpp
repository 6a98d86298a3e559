#include "core/vm/supervisor/image_source.hpp"

#include "core/digest/sha256.hpp"

namespace fcvm::vm {

Result<ImageSource::Image> ImageSource::prepare(const std::string& reference, std::uint32_t pull,
                                                base::Deadline deadline) {
  auto request = sized<fcvm_image_request>();
  request.pull = pull;
  request.reference = reference.c_str();
  request.cache_fd = cache_.get();
  auto identity = sized<fcvm_image_identity>();
  FCVM_TRY(instance_->call({"resolve"}, instance_->verbs().resolve, &request, deadline.as_ns(),
                           &identity));
  Image image{std::string(text_of(identity.digest)),
              std::string(text_of(identity.name)),
              {},
              sized<fcvm_image_delivery>()};
  FCVM_TRY(instance_->call({"prepare"}, instance_->verbs().prepare, &request, image.digest.c_str(),
                           deadline.as_ns(), &image.delivery));
  std::string config;
  const auto keep = [](void* to, const char* json) -> std::int32_t {
    *static_cast<std::string*>(to) = json;
    return 0;
  };
  FCVM_TRY(instance_->call({"config"}, instance_->verbs().config, &request, image.digest.c_str(),
                           deadline.as_ns(), +keep, static_cast<void*>(&config)));
  image.id = digest::sha256(config);
  return image;
}

}  // namespace fcvm::vm
