#include "plugins/image/common/environment.hpp"

#include <cstdlib>

namespace fcvm::archive {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::filesystem::path user_settings() {
  const std::string configured = variable("XDG_CONFIG_HOME");
  return (configured.empty() ? variable("HOME") + "/.config" : configured) + "/containers";
}

}  // namespace fcvm::archive
