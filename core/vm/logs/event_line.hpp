// One line of the event log.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/vm/logs/event_log.hpp"

namespace fcvm::vm {

/// With its newline.
[[nodiscard]] std::string event_to_line(const LoggedEvent& event);
/// Nothing for what is no event. A line that a crash tore apart, so that it runs into the next one,
/// gives the next one.
[[nodiscard]] std::optional<LoggedEvent> event_from_line(std::string_view line);

}  // namespace fcvm::vm
