// The JSON form of a Descriptor: how a scanning child hands it to its parent. Owns this part's use
// of nlohmann-json.
#include <nlohmann/json.hpp>

#include "core/base/json_number.hpp"
#include "core/plugin/descriptor.hpp"

namespace fcvm::plugin {
namespace {

using nlohmann::json;

json option_to_json(const config::Option& option) {
  return {{"name", option.name},         {"type", static_cast<int>(option.type)},
          {"initial", option.initial},   {"help", option.help},
          {"required", option.required}, {"secret", option.secret},
          {"choices", option.choices},   {"environment", option.environment}};
}

config::Option option_from_json(const json& from) {
  config::Option option;
  option.name = from.at("name");
  option.type = static_cast<config::Type>(base::json_number<int>(from.at("type")));
  option.initial = from.at("initial");
  option.help = from.at("help");
  option.required = from.at("required");
  option.secret = from.at("secret");
  option.choices = from.at("choices").get<std::vector<std::string>>();
  option.environment = from.at("environment").get<std::vector<std::string>>();
  return option;
}

}  // namespace

std::string to_json(const Descriptor& descriptor) {
  json options = json::array();
  for (const auto& option : descriptor.options.options) options.push_back(option_to_json(option));
  const json whole = {{"id", descriptor.id},
                      {"kind", descriptor.kind},
                      {"version", descriptor.version},
                      {"summary", descriptor.summary},
                      {"min_host_version", descriptor.min_host_version},
                      {"capabilities", descriptor.capabilities},
                      {"preference", descriptor.preference},
                      {"options", std::move(options)}};
  // A plugin's text may be in any bytes: what is not UTF-8 is replaced, not thrown at the user.
  return whole.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<Descriptor> descriptor_from_json(std::string_view text) {
  try {
    const json from = json::parse(text);
    Descriptor descriptor;
    descriptor.id = from.at("id");
    descriptor.kind = from.at("kind");
    descriptor.version = from.at("version");
    descriptor.summary = from.at("summary");
    descriptor.min_host_version = from.at("min_host_version");
    descriptor.capabilities = from.at("capabilities");
    descriptor.preference = base::json_number<std::int32_t>(from.at("preference"));
    descriptor.options.section = "plugin." + descriptor.id;
    descriptor.options.help = descriptor.summary;
    for (const json& option : from.at("options")) {
      descriptor.options.options.push_back(option_from_json(option));
    }
    return descriptor;
  } catch (const std::exception& thrown) {
    return fail(EPROTO, std::string("its description did not arrive whole: ") + thrown.what());
  }
}

}  // namespace fcvm::plugin
