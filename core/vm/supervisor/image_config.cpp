#include "core/vm/supervisor/image_config.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace fcvm::vm {
namespace {

using nlohmann::json;

/// The container's part; an empty object where there is none.
json container_part(const std::string& config) {
  const auto image = json::parse(config, nullptr, false);
  if (!image.is_object()) return json::object();
  const auto part = image.find("config");
  return part != image.end() && part->is_object() ? *part : json::object();
}

bool has_words(const json& container, const char* member) {
  const auto words = container.find(member);
  return words != container.end() && words->is_array() && !words->empty();
}

bool leads_to(const PublishedPort& published, const PublishedPort& exposed) {
  return published.protocol == exposed.protocol && published.guest_port <= exposed.guest_port &&
         exposed.guest_port < published.guest_port + published.count;
}

}  // namespace

/// As podman makes up the command: an entry point of the user's makes the image's command void.
Result<void> check_command(const std::string& config, const wire::ContainerSpec& container) {
  if (!container.command.empty() || !container.entrypoint.empty()) return {};
  const auto image = container_part(config);
  const bool has_own = has_words(image, "Entrypoint") || has_words(image, "Cmd");
  if (!container.has_entrypoint && has_own) return {};
  return fail(EINVAL, "no command or entrypoint provided, and no CMD or ENTRYPOINT from image",
              "say what to run: fcvm run IMAGE COMMAND");
}

std::vector<PublishedPort> exposed_ports(const std::string& config,
                                         const std::vector<PublishedPort>& published) {
  const auto image = container_part(config);
  const auto exposed = image.find("ExposedPorts");
  std::vector<PublishedPort> wishes;
  if (exposed == image.end() || !exposed->is_object()) return wishes;
  for (const auto& item : exposed->items()) {
    const auto ports = parse_publish(item.key());
    // "80/tcp", and no more: the host's side is not the image's to choose.
    if (!ports || ports->host_port != 0 || !ports->address.empty()) continue;
    for (std::uint16_t i = 0; i < ports->count; ++i) {
      PublishedPort one = *ports;
      one.guest_port = static_cast<std::uint16_t>(one.guest_port + i);
      one.count = 1;
      const auto leads_there = [&](const PublishedPort& other) { return leads_to(other, one); };
      if (!std::ranges::any_of(published, leads_there)) wishes.push_back(std::move(one));
    }
  }
  return wishes;
}

}  // namespace fcvm::vm
