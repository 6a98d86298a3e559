// See table.hpp.
#include "tests/support/fake_firecracker/table.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>

namespace fake {

namespace {

using Refusal = std::optional<std::string>;

bool has_type(const Json& value, const std::string& type) {
  if (type == "string") return value.is_string();
  if (type == "boolean") return value.is_boolean();
  if (type == "integer") return value.is_number_unsigned();
  if (type == "array") return value.is_array();
  return value.is_object();
}

Refusal check(const Json& schema, const Json& value);

Refusal check_fields(const Json& schema, const Json& value) {
  for (const auto& [name, field] : value.items()) {
    if (!schema["fields"].contains(name)) return "unknown field `" + name + "`";
    if (auto why = check(schema["fields"][name], field)) return name + ": " + *why;
  }
  for (const Json& name : schema["required"]) {
    if (!value.contains(name.get<std::string>())) {
      return "missing field `" + name.get<std::string>() + "`";
    }
  }
  return {};
}

Refusal check_names(const Json& schema, const Json& value) {
  if (!value.is_object()) return "invalid type: " + value.dump() + ", expected object";
  for (const auto& [name, field] : value.items()) {
    if (!schema["fields"].contains(name)) return "unknown field `" + name + "`";
  }
  return {};
}

Refusal check_value(const Json& schema, const Json& value) {
  if (schema.contains("enum")) {
    const Json& choices = schema["enum"];
    if (std::find(choices.begin(), choices.end(), value) == choices.end()) {
      return "unknown variant `" + value.dump() + "`";
    }
  }
  if (schema.contains("minimum") && value < schema["minimum"]) return "too small: " + value.dump();
  if (schema.contains("maximum") && value > schema["maximum"]) return "too large: " + value.dump();
  return {};
}

Refusal check(const Json& schema, const Json& value) {
  const std::string type = schema.value("type", "object");
  if (!has_type(value, type)) return "invalid type: " + value.dump() + ", expected " + type;
  if (schema.contains("fields")) return check_fields(schema, value);
  if (schema.contains("items")) {
    for (const Json& item : value) {
      if (auto why = check(schema["items"], item)) return why;
    }
  }
  return check_value(schema, value);
}

/// The last part of a path whose request is named "/drives/{drive_id}".
std::string id_in(const std::string& path) { return path.substr(path.rfind('/') + 1); }

Refusal check_id(const Json& schema, const std::string& path, const Json& body) {
  const std::string id = id_in(path);
  if (id.empty()) return "The ID cannot be empty.";
  if (!std::all_of(id.begin(), id.end(), [](unsigned char c) { return c == '_' || isalnum(c); })) {
    return "API Resource IDs can only contain alphanumeric characters and underscores.";
  }
  const std::string name = schema["fields"].contains("drive_id") ? "drive_id" : "iface_id";
  if (body.value(name, "") == id) return {};
  return "The id from the path [" + id + "] does not match the id from the body [" +
         body.value(name, "") + "]!";
}

}  // namespace

Table Table::load(const std::string& file, int minor) {
  std::ifstream stream(file);
  const Json all = Json::parse(stream);
  int best = -1;
  for (const auto& [version, requests] : all.items()) {
    const int known = std::atoi(version.c_str() + 2);
    if (known <= minor) best = std::max(best, known);
  }
  return Table(all.at("1." + std::to_string(best)));
}

const Json* Table::find(const std::string& method, const std::string& path) const {
  for (const auto& [name, schema] : requests_.items()) {
    const auto brace = name.find('{');
    const std::string wanted = method + " " + path;
    if (name == wanted) return &schema;
    if (brace != std::string::npos && wanted.rfind('/') + 1 == brace &&
        wanted.compare(0, brace, name, 0, brace) == 0) {
      return &schema;
    }
  }
  return nullptr;
}

std::optional<std::string> Table::refusal(const std::string& method, const std::string& path,
                                          const std::optional<Json>& body) const {
  const Json* schema = find(method, path);
  if (schema == nullptr) {
    return "Invalid request method and/or path: " + method + " " + path.substr(1) + ".";
  }
  if (schema->is_null()) {
    return body ? Refusal("GET request cannot have a body.") : std::nullopt;
  }
  if (!body) return "Empty " + method + " request.";
  Refusal why = "not JSON";
  if (!body->is_discarded()) {
    // Old descriptions give the modifiers of a CPU template wrong types: there the names must do.
    why = path == "/cpu-config" ? check_names(*schema, *body) : check(*schema, *body);
  }
  if (why) return "An error occurred when deserializing the json body of a request: " + *why + ".";
  const bool has_id = path.rfind("/drives/", 0) == 0 || path.rfind("/network-interfaces/", 0) == 0;
  return has_id ? check_id(*schema, path, *body) : std::nullopt;
}

}  // namespace fake
