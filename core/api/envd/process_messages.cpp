// See process_messages.hpp.
#include "core/api/envd/process_messages.hpp"

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <limits>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "core/api/connect/envelope.hpp"

namespace fcvm::api {
namespace {

using nlohmann::json;

/// A member that is an object; an empty one where it is not there.
json object_at(const json& from, const char* name) {
  const auto found = from.find(name);
  return found != from.end() && found->is_object() ? *found : json::object();
}

Result<std::string> text_at(const json& from, const char* name) {
  const auto found = from.find(name);
  if (found == from.end() || found->is_null()) return std::string();
  if (!found->is_string()) return fail(EINVAL, fmt::format("{} is no text", name));
  auto text = found->get<std::string>();
  if (text.find('\0') != std::string::npos) {
    return fail(EINVAL, fmt::format("{} has a NUL in it", name));
  }
  return text;
}

Result<std::uint16_t> size_at(const json& from, const char* name) {
  const auto found = from.find(name);
  if (found == from.end()) return std::uint16_t{0};
  if (!found->is_number_unsigned() ||
      found->get<std::uint64_t>() > std::numeric_limits<std::uint16_t>::max()) {
    return fail(EINVAL, fmt::format("{} is no number from 0 to 65535", name));
  }
  return found->get<std::uint16_t>();
}

Result<std::vector<std::string>> texts_at(const json& from, const char* name) {
  std::vector<std::string> texts;
  const auto found = from.find(name);
  if (found == from.end()) return texts;
  if (!found->is_array()) return fail(EINVAL, fmt::format("{} is no list", name));
  for (const auto& item : *found) {
    texts.push_back(FCVM_TRY(text_at(json{{name, item}}, name)));
  }
  return texts;
}

Result<std::map<std::string, std::string>> variables_at(const json& from, const char* name) {
  std::map<std::string, std::string> variables;
  const json object = object_at(from, name);
  for (const auto& [key, value] : object.items()) {
    if (key.empty() || key.find_first_of(std::string_view("=\0", 2)) != std::string::npos) {
      return fail(EINVAL, "a variable has no name, or one with a `=`");
    }
    variables[key] = FCVM_TRY(text_at(json{{name, value}}, name));
  }
  return variables;
}

std::string end_status(const ProcessEvent& event) {
  if (event.signal == 0) return fmt::format("exit status {}", event.code);
  const char* name = ::strsignal(event.signal);
  std::string text = name == nullptr ? std::to_string(event.signal) : name;
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return "signal: " + text;
}

json in_event(json event) { return {{"event", std::move(event)}}; }

}  // namespace

Result<StartMessage> start_message(const json& request) {
  const json process = object_at(request, "process");
  StartMessage message;
  message.config.command = FCVM_TRY(text_at(process, "cmd"));
  if (message.config.command.empty()) return fail(EINVAL, "process.cmd is missing");
  message.config.arguments = FCVM_TRY(texts_at(process, "args"));
  message.config.environment = FCVM_TRY(variables_at(process, "envs"));
  message.config.directory = FCVM_TRY(text_at(process, "cwd"));
  message.config.tag = FCVM_TRY(text_at(request, "tag"));
  message.size = FCVM_TRY(terminal_size(request));
  message.config.tty = message.size.has_value();
  // As envd: who does not say that it is closed may write to it.
  const auto wish = request.find("stdin");
  message.has_stdin = wish == request.end() || !wish->is_boolean() || wish->get<bool>();
  return message;
}

Result<Processes::Selector> selector(const json& request) {
  const json process = object_at(request, "process");
  const auto pid = process.find("pid");
  Processes::Selector which;
  if (pid != process.end() && pid->is_number_unsigned()) which.pid = pid->get<std::uint32_t>();
  which.tag = FCVM_TRY(text_at(process, "tag"));
  if (which.pid == 0 && which.tag.empty()) {
    return fail(EINVAL, "process names none, by pid or tag");
  }
  return which;
}

Result<std::optional<wire::Resize>> terminal_size(const json& request) {
  if (!request.contains("pty") || !request["pty"].is_object()) return std::optional<wire::Resize>();
  const json size = object_at(request["pty"], "size");
  wire::Resize resize;
  resize.rows = FCVM_TRY(size_at(size, "rows"));
  resize.columns = FCVM_TRY(size_at(size, "cols"));
  return std::optional(resize);
}

Result<std::string> input_bytes(const json& request) {
  const json input = object_at(request, "input");
  auto text = FCVM_TRY(text_at(input, "stdin"));
  if (text.empty()) text = FCVM_TRY(text_at(input, "pty"));
  auto bytes = connect::from_base64(text);
  if (!bytes) return fail(EINVAL, "the input is no base64");
  return *std::move(bytes);
}

Result<int> signal_number(const json& request) {
  const auto wish = request.find("signal");
  if (wish != request.end() && (*wish == "SIGNAL_SIGTERM" || *wish == SIGTERM)) return SIGTERM;
  if (wish != request.end() && (*wish == "SIGNAL_SIGKILL" || *wish == SIGKILL)) return SIGKILL;
  return fail(EINVAL, "the signal is neither SIGNAL_SIGTERM nor SIGNAL_SIGKILL");
}

json started_json(std::uint32_t pid) { return in_event({{"start", {{"pid", pid}}}}); }

json event_json(const ProcessEvent& event, bool tty) {
  if (event.kind != ProcessEvent::Kind::kEnd) {
    const char* source = tty                                         ? "pty"
                         : event.kind == ProcessEvent::Kind::kStdout ? "stdout"
                                                                     : "stderr";
    return in_event({{"data", {{source, connect::base64(event.bytes)}}}});
  }
  json end = {{"exitCode", event.signal == 0 ? event.code : -1},
              {"exited", event.signal == 0},
              {"status", end_status(event)}};
  if (event.signal != 0 || event.code != 0) end["error"] = end_status(event);
  return in_event({{"end", std::move(end)}});
}

json keep_alive_json() { return in_event({{"keepalive", json::object()}}); }

json listed_json(const Processes::Listed& process) {
  const auto& config = process.config;
  json described = {
      {"cmd", config.command}, {"args", config.arguments}, {"envs", config.environment}};
  if (!config.directory.empty()) described["cwd"] = config.directory;
  json listed = {{"pid", process.pid}, {"config", std::move(described)}};
  if (!config.tag.empty()) listed["tag"] = config.tag;
  return listed;
}

wire::ExecRequest exec_request(const StartMessage& message,
                               const std::map<std::string, std::string>& environment,
                               const std::string& user) {
  const ProcessConfig& config = message.config;
  wire::ExecRequest request;
  // Clients always name bash, which not every image has.
  if (config.command == "/bin/bash") {
    request.command = {"/bin/sh", "-c",
                       "[ -x /bin/bash ] && exec /bin/bash \"$@\"; exec /bin/sh \"$@\"", "bash"};
  } else {
    request.command = {config.command};
  }
  request.command.insert(request.command.end(), config.arguments.begin(), config.arguments.end());
  auto variables = environment;
  for (const auto& [name, value] : config.environment) variables[name] = value;
  for (const auto& [name, value] : variables) request.environment.push_back(name + '=' + value);
  request.workdir = config.directory;
  request.user = user;
  request.tty = config.tty;
  request.interactive = message.has_stdin || config.tty;
  if (message.size) {
    request.rows = message.size->rows;
    request.columns = message.size->columns;
  }
  return request;
}

}  // namespace fcvm::api
