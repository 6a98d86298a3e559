#include "core/vm/supervisor/image_config.hpp"

#include <algorithm>
#include <chrono>
#include <limits>
#include <optional>

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

using std::chrono::milliseconds;

// podman's own.
constexpr milliseconds kHealthInterval{30'000};
constexpr milliseconds kHealthTimeout{30'000};
constexpr std::uint32_t kHealthRetries = 3;

/// Nothing where there is none, or it is no such list.
std::vector<std::string> test_of(const json& check) {
  std::vector<std::string> words;
  const auto test = check.find("Test");
  if (test == check.end() || !test->is_array()) return words;
  for (const auto& word : *test) {
    if (!word.is_string()) return {};
    words.push_back(word);
  }
  return words;
}

json health_part(const std::string& config) {
  const auto image = container_part(config);
  const auto check = image.find("Healthcheck");
  return check != image.end() && check->is_object() ? *check : json::object();
}

/// Of nanoseconds, of which 0 stands for the default.
std::optional<milliseconds> time_of(const json& check, const char* member) {
  const auto time = check.find(member);
  if (time == check.end() || !time->is_number_integer()) return std::nullopt;
  const auto value = std::chrono::nanoseconds(time->get<std::int64_t>());
  if (value.count() <= 0) return std::nullopt;
  return std::max(milliseconds(1), std::chrono::duration_cast<milliseconds>(value));
}

std::uint32_t whole(milliseconds time) {
  constexpr std::int64_t kMost = std::numeric_limits<std::uint32_t>::max();
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(time.count(), 0, kMost));
}

/// "CMD-SHELL", LINE or "CMD", WORD...; anything else ("NONE") is no check.
std::vector<std::string> command_of(const std::vector<std::string>& test) {
  if (test.size() < 2) return {};
  if (test.front() == "CMD-SHELL") return {"/bin/sh", "-c", test[1]};
  if (test.front() == "CMD") return {test.begin() + 1, test.end()};
  return {};
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

bool has_health_check(const std::string& config) { return !test_of(health_part(config)).empty(); }

wire::HealthCheck health_check(const std::string& config, const HealthPlan& plan) {
  wire::HealthCheck check;
  if (plan.none) return check;
  const auto image = health_part(config);
  const auto chosen = [&](const std::optional<milliseconds>& said, const char* member,
                          milliseconds otherwise) {
    return whole(said ? *said : time_of(image, member).value_or(otherwise));
  };
  check.command = command_of(plan.test.empty() ? test_of(image) : plan.test);
  check.interval_ms = chosen(plan.interval, "Interval", kHealthInterval);
  check.timeout_ms = chosen(plan.timeout, "Timeout", kHealthTimeout);
  check.start_period_ms = chosen(plan.start_period, "StartPeriod", milliseconds(0));
  check.retries = kHealthRetries;
  const auto retries = image.find("Retries");
  if (retries != image.end() && retries->is_number_unsigned()) {
    const auto count = retries->get<std::uint64_t>();
    if (count > 0 && count < 1000) check.retries = static_cast<std::uint32_t>(count);
  }
  if (plan.retries) check.retries = *plan.retries;
  return check;
}

}  // namespace fcvm::vm
