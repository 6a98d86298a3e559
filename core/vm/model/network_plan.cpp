#include "core/vm/model/network_plan.hpp"

namespace fcvm::vm {
namespace {

std::string text_of_access(const char* name, const HostAccess& access) {
  std::string text = std::string(name) + "=" + (access.all ? "all" : "");
  for (const auto& ports : access.ports) {
    if (text.back() != '=') text += ',';
    text += std::to_string(ports.first);
    if (ports.count > 1) text += "-" + std::to_string(ports.first + ports.count - 1);
    if (ports.protocol) text += "/" + std::string(to_text(*ports.protocol));
  }
  return text;
}

}  // namespace

std::vector<std::string> NetworkPlan::opened() const {
  std::vector<std::string> texts;
  if (host_loopback.any()) texts.push_back(text_of_access("host-loopback", host_loopback));
  if (host_addresses.any()) texts.push_back(text_of_access("host-addresses", host_addresses));
  if (link_local) texts.emplace_back("link-local");
  for (const auto& proxy : proxy_endpoints) {
    texts.push_back("proxy=" + (proxy.address.empty() ? "host-loopback" : proxy.address) +
                    " port " + std::to_string(proxy.port));
  }
  return texts;
}

}  // namespace fcvm::vm
