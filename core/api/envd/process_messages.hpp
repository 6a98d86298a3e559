// The messages of process.Process, from and to JSON as protobuf has it. Fields that are not there
// have the zero of their type.
#pragma once

#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include <fcvm/result.hpp>

#include "core/api/envd/processes.hpp"
#include "core/wire/exec.hpp"

namespace fcvm::api {

struct StartMessage {
  ProcessConfig config{};
  std::optional<wire::Resize> size{};  // of its terminal
  bool has_stdin = false;
};
[[nodiscard]] Result<StartMessage> start_message(const nlohmann::json& request);
[[nodiscard]] Result<Processes::Selector> selector(const nlohmann::json& request);
/// Of {"pty":{"size":{"cols":80,"rows":24}}}; nothing where there is no terminal.
[[nodiscard]] Result<std::optional<wire::Resize>> terminal_size(const nlohmann::json& request);
/// Of {"input":{"stdin":"aGk="}}, or "pty".
[[nodiscard]] Result<std::string> input_bytes(const nlohmann::json& request);
/// By its name in protobuf or its number.
[[nodiscard]] Result<int> signal_number(const nlohmann::json& request);

[[nodiscard]] nlohmann::json started_json(std::uint32_t pid);
/// Of an event without a failure.
[[nodiscard]] nlohmann::json event_json(const ProcessEvent& event, bool tty);
[[nodiscard]] nlohmann::json keep_alive_json();
[[nodiscard]] nlohmann::json listed_json(const Processes::Listed& process);

/// How the command is run: with the sandbox's variables below its own.
[[nodiscard]] wire::ExecRequest exec_request(const StartMessage& message,
                                             const std::map<std::string, std::string>& environment,
                                             const std::string& user);

}  // namespace fcvm::api
