// Sandbox: what the API knows of one, as a value.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace fcvm::api {

enum class SandboxState { kRunning, kPaused };

struct Sandbox {
  std::string id{};           // lower-case letters and digits; the same over pauses
  std::string template_id{};  // as its creator named it
  std::string owner{};        // the name of the token that made it: nobody else sees it
  std::map<std::string, std::string> metadata{};
  std::map<std::string, std::string> environment{};  // of every command in it
  std::string access_token{};                        // for the data plane; a secret
  std::string traffic_token{};  // for other ports of it; empty: who knows its id may use them

  SandboxState state = SandboxState::kRunning;
  std::string vm{};        // the VM's id; empty while it is paused
  std::string snapshot{};  // the snapshot's id while it is paused
  std::uint32_t cpus = 0;
  std::uint64_t memory_bytes = 0;

  std::int64_t started_s = 0;  // CLOCK_REALTIME, seconds
  std::int64_t ends_s = 0;     // when it is killed, or paused
  bool pauses_at_end = false;
};

}  // namespace fcvm::api
