// What could lie where crun keeps a container's configuration: the agent, as PID 1, must not end by
// it.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "agent/container/oci_config.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace fcvm::agent;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string id = podman_id(text);
  if (!id.empty() && id.size() != 64) std::abort();
  bool wants_seccomp = false;
  const auto config = parse_oci_config(text, wants_seccomp);
  if (!config) return 0;
  if (config->umask > 0777 || config->workdir.empty()) std::abort();
  const auto environment = exec_environment(*config, "/root", {"A=1"});
  if (environment.size() > config->environment.size()) std::abort();
  return 0;
}
