// See qmp_line.hpp. The only file that knows JSON.
#include "plugins/vmm/qemu/qmp_line.hpp"

#include <nlohmann/json.hpp>

namespace fcvm::qemu {

namespace {

using Json = nlohmann::json;

/// Far more than any error of QEMU's has.
constexpr std::size_t kLongestText = 2048;

const Json& member(const Json& object, const char* name) {
  static const Json nothing;
  const auto found = object.is_object() ? object.find(name) : object.end();
  return object.is_object() && found != object.end() ? *found : nothing;
}

std::string text_at(const Json& object, const char* name) {
  const Json& value = member(object, name);
  return value.is_string() ? value.get<std::string>().substr(0, kLongestText) : std::string();
}

std::uint64_t number(const Json& value) {
  return value.is_number_unsigned() ? value.get<std::uint64_t>() : 0;
}

int version_part(const Json& version, const char* name) {
  const std::uint64_t part = number(member(version, name));
  return part < 1'000'000 ? static_cast<int>(part) : 0;
}

QmpLine event(const std::string& name, const Json& data) {
  QmpLine line;
  if (name == "SHUTDOWN") {
    line.kind = QmpLine::kShutdown;
    line.text = text_at(data, "reason");
  } else if (name == "GUEST_PANICKED") {
    line.kind = QmpLine::kPanic;
  } else if (name == "MIGRATION") {
    line.kind = QmpLine::kMigration;
    line.text = text_at(data, "status");
  }
  return line;
}

QmpLine answer(const Json& message) {
  QmpLine line;
  line.kind = QmpLine::kAnswer;
  line.id = number(member(message, "id"));
  const Json& error = member(message, "error");
  if (!error.is_null()) {
    line.error = text_at(error, "desc");
    if (line.error.empty()) line.error = "it does not say why";
  }
  line.answer = member(message, "return").dump(-1, ' ', false, Json::error_handler_t::replace);
  return line;
}

}  // namespace

QmpLine parse_qmp_line(std::string_view bytes) {
  const Json message = Json::parse(bytes, nullptr, false);
  if (const Json& greeting = member(message, "QMP"); !greeting.is_null()) {
    const Json& version = member(member(greeting, "version"), "qemu");
    QmpLine line;
    line.kind = QmpLine::kGreeting;
    line.version = {version_part(version, "major"), version_part(version, "minor"),
                    version_part(version, "micro")};
    return line;
  }
  if (const std::string name = text_at(message, "event"); !name.empty()) {
    return event(name, member(message, "data"));
  }
  return number(member(message, "id")) == 0 ? QmpLine() : answer(message);
}

std::uint64_t number_in(const std::string& text, std::initializer_list<const char*> path) {
  const Json object = Json::parse(text, nullptr, false);
  const Json* at = &object;
  for (const char* name : path) at = &member(*at, name);
  return number(*at);
}

std::string text_in(const std::string& text, const char* name) {
  return text_at(Json::parse(text, nullptr, false), name);
}

}  // namespace fcvm::qemu
