// The event log: one JSON line per thing that happened to a VM, appended by every supervisor and
// read by `fcvm events`.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include <fcvm/result.hpp>

namespace fcvm::vm {

struct LoggedEvent {
  std::int64_t time_ns = 0;  // CLOCK_REALTIME
  std::string type{};        // create start ready pause unpause kill stop die remove
  std::string id{};
  std::string name{};
  std::string image{};
  std::map<std::string, std::string> attributes{};  // "exitCode": "3"
};

/// One write(2) with O_APPEND, so that lines of several supervisors never mix. The file is cut to
/// its newer half when it passes 4 MiB.
[[nodiscard]] Result<void> log_event(const std::filesystem::path& file, const LoggedEvent& event);

/// Removes the unfinished copies of the file that killed writers left beside it.
[[nodiscard]] Result<void> sweep_events(const std::filesystem::path& file);

struct EventRange {
  std::int64_t since_ns = 0;
  std::optional<std::int64_t> until_ns{};  // absent: go on waiting for new ones
};

/// Calls `handle` for each; it returns false to end.
[[nodiscard]] Result<void> read_events(const std::filesystem::path& file, const EventRange& range,
                                       const std::function<bool(const LoggedEvent&)>& handle);

}  // namespace fcvm::vm
