// The lines of control_protocol.hpp.
#include "core/base/json_number.hpp"
#include "core/vm/control/control_protocol.hpp"
#include "core/vm/model/json_text.hpp"

namespace fcvm::vm {
namespace {

using Json = nlohmann::ordered_json;

template <typename T>
void read_if_there(const Json& json, const char* key, T& into) {
  const auto at = json.find(key);
  if (at == json.end()) return;
  if constexpr (std::is_same_v<T, std::string>) {
    into = from_json_text(*at);
  } else if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
    into = base::json_number<T>(*at);
  } else {
    into = at->template get<T>();
  }
}

Json write_stats(const LiveStats& stats) {
  return {{"cpu_ns", stats.cpu_ns},
          {"memory_bytes", stats.memory_bytes},
          {"memory_limit_bytes", stats.memory_limit_bytes},
          {"read_bytes", stats.read_bytes},
          {"written_bytes", stats.written_bytes},
          {"processes", stats.processes}};
}

LiveStats read_stats(const Json& json) {
  LiveStats stats;
  read_if_there(json, "cpu_ns", stats.cpu_ns);
  read_if_there(json, "memory_bytes", stats.memory_bytes);
  read_if_there(json, "memory_limit_bytes", stats.memory_limit_bytes);
  read_if_there(json, "read_bytes", stats.read_bytes);
  read_if_there(json, "written_bytes", stats.written_bytes);
  read_if_there(json, "processes", stats.processes);
  return stats;
}

/// The error that the supervisor reports.
Unexpected read_failure(const Json& json) {
  int code = EPROTO;
  std::string message = "the supervisor failed without saying why";
  std::string remedy;
  read_if_there(json, "code", code);
  read_if_there(json, "message", message);
  read_if_there(json, "remedy", remedy);
  return fail(code > 0 ? code : EPROTO, std::move(message), std::move(remedy));
}

Result<ControlAnswer> read_answer(const Json& json) {
  if (!json.at("ok").get<bool>()) return read_failure(json);
  ControlAnswer answer;
  read_if_there(json, "exit_code", answer.exit_code);
  read_if_there(json, "record", answer.record_json);
  if (const auto stats = json.find("stats"); stats != json.end()) answer.stats = read_stats(*stats);
  if (const auto ports = json.find("ports"); ports != json.end()) {
    for (const Json& port : *ports) answer.ports.push_back(from_json_text(port));
  }
  return answer;
}

Unexpected garbled(const char* what, const std::exception& thrown) {
  return fail(EPROTO, std::string(what) + ": " + thrown.what());
}

/// Deep nesting costs memory out of proportion to the line, and no line of ours is nested deeper.
Json parse_line(std::string_view line) {
  constexpr int kDeepest = 8;
  const Json::parser_callback_t shallow = [](int depth, Json::parse_event_t, Json&) {
    if (depth > kDeepest) throw std::invalid_argument("it is nested too deeply");
    return true;
  };
  Json json = Json::parse(line, shallow);
  if (!json.is_object()) throw std::invalid_argument("it is not an object");
  return json;
}

}  // namespace

std::string encode_request(const ControlRequest& request) {
  Json json = {{"verb", to_json_text(request.verb)}};
  if (request.signal != 0) json["signal"] = request.signal;
  if (request.verb == "stop") json["grace_ms"] = request.grace_ms;
  if (request.port != 0) json["port"] = request.port;
  for (const auto& port : request.ports) json["ports"].push_back(to_json_text(port));
  return json.dump() + '\n';
}

Result<ControlRequest> decode_request(std::string_view line) {
  try {
    const Json json = parse_line(line);
    ControlRequest request;
    request.verb = from_json_text(json.at("verb"));
    read_if_there(json, "signal", request.signal);
    read_if_there(json, "grace_ms", request.grace_ms);
    read_if_there(json, "port", request.port);
    if (const auto ports = json.find("ports"); ports != json.end()) {
      for (const Json& port : *ports) request.ports.push_back(from_json_text(port));
    }
    return request;
  } catch (const std::exception& thrown) {
    return garbled("a request that cannot be read", thrown);
  }
}

std::string encode_answer(const Result<ControlAnswer>& answer) {
  Json json = {{"ok", answer.has_value()}};
  if (answer) {
    json["exit_code"] = answer->exit_code;
    if (!answer->record_json.empty()) json["record"] = to_json_text(answer->record_json);
    json["stats"] = write_stats(answer->stats);
    for (const auto& port : answer->ports) json["ports"].push_back(to_json_text(port));
  } else {
    json["code"] = answer.error().code();
    json["message"] = to_json_text(answer.error().message());
    json["remedy"] = to_json_text(answer.error().remedy());
  }
  return json.dump() + '\n';
}

Result<ControlAnswer> decode_answer(std::string_view line) {
  try {
    return read_answer(parse_line(line));
  } catch (const std::exception& thrown) {
    return garbled("an answer that cannot be read", thrown);
  }
}

}  // namespace fcvm::vm
