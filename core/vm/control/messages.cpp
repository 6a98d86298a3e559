// See messages.hpp.
#include "core/vm/control/messages.hpp"

#include <stdexcept>
#include <type_traits>

#include <fmt/core.h>

#include "core/base/json_number.hpp"
#include "core/base/printable.hpp"
#include "core/vm/model/json_text.hpp"

namespace fcvm::vm::ask {
namespace {

using Json = nlohmann::ordered_json;

template <typename T>
void read_if_there(const Json& json, const char* key, T& into) {
  const auto at = json.find(key);
  if (at == json.end()) return;
  if constexpr (std::is_same_v<T, std::string>) {
    into = from_json_text(*at);
  } else if constexpr (std::is_same_v<T, std::chrono::milliseconds>) {
    into = T(base::json_number<std::int64_t>(*at));
  } else {
    into = base::json_number<T>(*at);
  }
}

// --- what a message has besides its verb, or its success: nothing, but for these ---

template <typename Message>
void write(Json& /*json*/, const Message& /*message*/) {}
template <typename Message>
void read(const Json& /*json*/, Message& /*message*/) {}

template <typename AnyStop>
void write_stop(Json& json, const AnyStop& stop) {
  if (stop.signal != 0) json["signal"] = stop.signal;
  json["grace_ms"] = stop.grace.count();
}
template <typename AnyStop>
void read_stop(const Json& json, AnyStop& stop) {
  read_if_there(json, "signal", stop.signal);
  read_if_there(json, "grace_ms", stop.grace);
}
void write(Json& json, const Stop& stop) { write_stop(json, stop); }
void read(const Json& json, Stop& stop) { read_stop(json, stop); }
void write(Json& json, const Restart& restart) { write_stop(json, restart); }
void read(const Json& json, Restart& restart) { read_stop(json, restart); }

void write(Json& json, const Balloon& balloon) {
  if (balloon.bytes) json["bytes"] = *balloon.bytes;
}
void read(const Json& json, Balloon& balloon) {
  if (json.contains("bytes")) read_if_there(json, "bytes", balloon.bytes.emplace());
}
void write(Json& json, const BalloonFigures& figures) {
  json["memory_bytes"] = figures.memory_bytes;
  json["target_bytes"] = figures.target_bytes;
  json["actual_bytes"] = figures.actual_bytes;
  json["guest_reports"] = figures.guest_reports;
  json["total_bytes"] = figures.total_bytes;
  json["free_bytes"] = figures.free_bytes;
  json["available_bytes"] = figures.available_bytes;
  json["cache_bytes"] = figures.cache_bytes;
}
void read(const Json& json, BalloonFigures& figures) {
  read_if_there(json, "memory_bytes", figures.memory_bytes);
  read_if_there(json, "target_bytes", figures.target_bytes);
  read_if_there(json, "actual_bytes", figures.actual_bytes);
  figures.guest_reports = json.value("guest_reports", false);
  read_if_there(json, "total_bytes", figures.total_bytes);
  read_if_there(json, "free_bytes", figures.free_bytes);
  read_if_there(json, "available_bytes", figures.available_bytes);
  read_if_there(json, "cache_bytes", figures.cache_bytes);
}

void write(Json& json, const Rename& rename) { json["name"] = to_json_text(rename.name); }
void read(const Json& json, Rename& rename) { rename.name = from_json_text(json.at("name")); }

void write(Json& json, const Kill& kill) { json["signal"] = kill.signal; }
void read(const Json& json, Kill& kill) { kill.signal = base::json_number<int>(json.at("signal")); }

template <typename AnyDial>
void write_dial(Json& json, const AnyDial& dial) {
  json["port"] = dial.port;
  json["within_ms"] = dial.within.count();
}
template <typename AnyDial>
void read_dial(const Json& json, AnyDial& dial) {
  dial.port = base::json_number<decltype(dial.port)>(json.at("port"));
  read_if_there(json, "within_ms", dial.within);
}

void write(Json& json, const Dial& dial) { write_dial(json, dial); }
void read(const Json& json, Dial& dial) { read_dial(json, dial); }
void write(Json& json, const DialTcp& dial) { write_dial(json, dial); }
void read(const Json& json, DialTcp& dial) {
  const auto port = base::json_number<std::uint32_t>(json.at("port"));
  if (port > UINT16_MAX) throw std::invalid_argument(fmt::format("there is no TCP port {}", port));
  read_dial(json, dial);
}

void write_ports(Json& json, const std::vector<PublishedPort>& ports) {
  json["ports"] = Json::array();
  for (const auto& port : ports) json["ports"].push_back(to_text(port));
}
void read_ports(const Json& json, std::vector<PublishedPort>& ports) {
  for (const Json& text : json.at("ports")) {
    auto port = parse_publish(from_json_text(text));
    if (!port) throw std::invalid_argument(port.error().message());
    ports.push_back(*std::move(port));
  }
}

void write(Json& json, const Publish& publish) { write_ports(json, publish.ports); }
void read(const Json& json, Publish& publish) { read_ports(json, publish.ports); }
void write(Json& json, const Unpublish& unpublish) { write_ports(json, unpublish.ports); }
void read(const Json& json, Unpublish& unpublish) { read_ports(json, unpublish.ports); }
void write(Json& json, const Ports& ports) { write_ports(json, ports.ports); }
void read(const Json& json, Ports& ports) { read_ports(json, ports.ports); }

void write(Json& json, const Save& save) {
  json["directory"] = to_json_text(save.directory);
  json["ends"] = save.ends;
}
void read(const Json& json, Save& save) {
  save.directory = from_json_text(json.at("directory"));
  save.ends = json.at("ends").get<bool>();
}

void write(Json& json, const Saved& saved) {
  json["plan"] = to_json_text(saved.plan);
  json["vmm_version"] = to_json_text(saved.vmm_version);
  json["snapshot_format"] = to_json_text(saved.snapshot_format);
  json["accelerator"] = to_json_text(saved.accelerator);
  json["agent"] = to_json_text(saved.agent);
  json["paused_ns"] = saved.paused_ns;
}
void read(const Json& json, Saved& saved) {
  read_if_there(json, "plan", saved.plan);
  read_if_there(json, "vmm_version", saved.vmm_version);
  read_if_there(json, "snapshot_format", saved.snapshot_format);
  read_if_there(json, "accelerator", saved.accelerator);
  read_if_there(json, "agent", saved.agent);
  read_if_there(json, "paused_ns", saved.paused_ns);
}

void write(Json& json, const MemoryOffer& offer) {
  json["type"] = offer.type;
  json["path"] = to_json_text(offer.path);
}
void read(const Json& json, MemoryOffer& offer) {
  offer.type = base::json_number<std::uint32_t>(json.at("type"));
  offer.path = from_json_text(json.at("path"));
}

void write(Json& json, const ServedSnapshot& served) { json["snapshot"] = served.id; }
void read(const Json& json, ServedSnapshot& served) {
  served.id = from_json_text(json.at("snapshot"));
}

void write(Json& json, const Exit& exit) { json["exit_code"] = exit.code; }
void read(const Json& json, Exit& exit) {
  exit.code = base::json_number<int>(json.at("exit_code"));
}

void write(Json& json, const LiveStats& stats) {
  json["cpu_ns"] = stats.cpu_ns;
  json["memory_bytes"] = stats.memory_bytes;
  json["memory_limit_bytes"] = stats.memory_limit_bytes;
  json["read_bytes"] = stats.read_bytes;
  json["written_bytes"] = stats.written_bytes;
  json["received_bytes"] = stats.received_bytes;
  json["sent_bytes"] = stats.sent_bytes;
  json["processes"] = stats.processes;
}
void read(const Json& json, LiveStats& stats) {
  read_if_there(json, "cpu_ns", stats.cpu_ns);
  read_if_there(json, "memory_bytes", stats.memory_bytes);
  read_if_there(json, "memory_limit_bytes", stats.memory_limit_bytes);
  read_if_there(json, "read_bytes", stats.read_bytes);
  read_if_there(json, "written_bytes", stats.written_bytes);
  read_if_there(json, "received_bytes", stats.received_bytes);
  read_if_there(json, "sent_bytes", stats.sent_bytes);
  read_if_there(json, "processes", stats.processes);
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

/// The alternative of Request whose verb this is.
template <std::size_t Index = 0>
Result<Request> read_request(std::string_view verb, const Json& json) {
  if constexpr (Index == std::variant_size_v<Request>) {
    return fail(ENOTSUP,
                fmt::format("this supervisor does not know the verb \"{}\"", base::printable(verb)),
                "the VM was started by another version of fcvm; stop it and start it anew");
  } else {
    using One = std::variant_alternative_t<Index, Request>;
    if (One::kVerb != verb) return read_request<Index + 1>(verb, json);
    One request;
    read(json, request);
    return Request(std::move(request));
  }
}

}  // namespace

std::string encode(const Request& request) {
  Json json;
  std::visit(
      [&](const auto& one) {
        json["verb"] = one.kVerb;
        write(json, one);
      },
      request);
  return json.dump() + '\n';
}

Result<Request> decode_request(std::string_view line) {
  try {
    const Json json = parse_line(line);
    return read_request(from_json_text(json.at("verb")), json);
  } catch (const std::exception& thrown) {
    return garbled("a request that cannot be read", thrown);
  }
}

template <typename Answer>
std::string encode_answer(const Result<Answer>& answer) {
  Json json = {{"ok", answer.has_value()}};
  if (answer) {
    write(json, *answer);
  } else {
    json["code"] = answer.error().code();
    json["message"] = to_json_text(answer.error().message());
    json["remedy"] = to_json_text(answer.error().remedy());
  }
  return json.dump() + '\n';
}

template <typename Answer>
Result<Answer> decode_answer(std::string_view line, [[maybe_unused]] std::vector<Fd> fds) {
  try {
    const Json json = parse_line(line);
    if (!json.at("ok").get<bool>()) return read_failure(json);
    Answer answer{};
    read(json, answer);
    if constexpr (std::is_same_v<Answer, Stream>) {
      if (fds.empty()) return fail(EPROTO, "the VM's supervisor sent no connection");
      answer.fd = std::move(fds.front());
    }
    return answer;
  } catch (const std::exception& thrown) {
    return garbled("an answer that cannot be read", thrown);
  }
}

#define FCVM_ANSWER(Answer)                                         \
  template std::string encode_answer(const Result<Answer>& answer); \
  template Result<Answer> decode_answer(std::string_view line, std::vector<Fd> fds)

FCVM_ANSWER(Done);
FCVM_ANSWER(Exit);
FCVM_ANSWER(Stream);
FCVM_ANSWER(Ports);
FCVM_ANSWER(LiveStats);
FCVM_ANSWER(Saved);
FCVM_ANSWER(BalloonFigures);
FCVM_ANSWER(MemoryOffer);
FCVM_ANSWER(ServedSnapshot);

}  // namespace fcvm::vm::ask
