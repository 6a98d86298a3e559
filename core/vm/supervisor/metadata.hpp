// What a workload is told about itself by a VMM's metadata service (at 169.254.169.254), where the
// VMM has one. Owns nothing.
#pragma once

#include <map>
#include <string>

#include "core/wire/boot_plan.hpp"

namespace fcvm::vm {

struct Workload {
  std::string id;
  std::string image;
  std::string hostname;
  const std::map<std::string, std::string>& labels;
  const wire::ContainerSpec& container;
  /// Any process of the guest may ask the service, so secrets stay out of it unless this is wanted.
  bool tells_environment = false;
};

/// A JSON object: id, name, image, hostname, labels and environment, each a text or an object of
/// texts.
[[nodiscard]] std::string metadata_document(const Workload& workload);

}  // namespace fcvm::vm
