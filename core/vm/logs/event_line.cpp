#include "core/vm/logs/event_line.hpp"

#include "core/base/json_number.hpp"
#include "core/vm/model/json_text.hpp"

namespace fcvm::vm {
namespace {

using Json = nlohmann::ordered_json;

// Every line begins so, and no text within one can: its quotes would be escaped.
constexpr std::string_view kBegin = "{\"time_ns\":";

LoggedEvent read_event(const Json& json) {
  LoggedEvent event;
  event.time_ns = base::json_number<std::int64_t>(json.at("time_ns"));
  event.type = from_json_text(json.at("type"));
  event.id = from_json_text(json.at("id"));
  event.name = from_json_text(json.at("name"));
  event.image = from_json_text(json.at("image"));
  for (const Json& pair : json.at("attributes")) {
    event.attributes[from_json_text(pair.at(0))] = from_json_text(pair.at(1));
  }
  return event;
}

}  // namespace

std::string event_to_line(const LoggedEvent& event) {
  Json attributes = Json::array();
  for (const auto& [key, value] : event.attributes) {
    attributes.push_back(Json::array({to_json_text(key), to_json_text(value)}));
  }
  const Json json = {{"time_ns", event.time_ns},           {"type", to_json_text(event.type)},
                     {"id", to_json_text(event.id)},       {"name", to_json_text(event.name)},
                     {"image", to_json_text(event.image)}, {"attributes", std::move(attributes)}};
  return json.dump() + '\n';
}

std::optional<LoggedEvent> event_from_line(std::string_view line) {
  const auto begin = line.rfind(kBegin);
  if (begin == std::string_view::npos) return std::nullopt;
  try {
    return read_event(Json::parse(line.substr(begin)));
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

}  // namespace fcvm::vm
