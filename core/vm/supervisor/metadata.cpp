#include "core/vm/supervisor/metadata.hpp"

#include <nlohmann/json.hpp>

namespace fcvm::vm {

/// The service serves texts only, so what is not UTF-8 is shown by replacement characters.
std::string metadata_document(const Workload& workload) {
  using nlohmann::ordered_json;
  ordered_json environment = ordered_json::object();
  for (const auto& variable : workload.container.environment) {
    if (!workload.tells_environment) break;
    const auto equals = variable.find('=');
    if (equals == std::string::npos) continue;
    environment[variable.substr(0, equals)] = variable.substr(equals + 1);
  }
  ordered_json labels = ordered_json::object();
  for (const auto& [name, value] : workload.labels) labels[name] = value;
  const ordered_json document = {{"id", workload.id},       {"name", workload.container.name},
                                 {"image", workload.image}, {"hostname", workload.hostname},
                                 {"labels", labels},        {"environment", environment}};
  return document.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

}  // namespace fcvm::vm
