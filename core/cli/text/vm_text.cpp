#include "core/cli/text/vm_text.hpp"

#include <array>

#include <fmt/core.h>

#include "core/vm/model/port.hpp"
#include "core/vm/model/time_text.hpp"

namespace fcvm::cli {

namespace {

/// As podman ps has it, behind the time.
std::string wellness_text(const vm::Record& record) {
  if (!record.is_ready()) return " (starting)";
  return record.health.status.empty() ? "" : " (" + printable(record.health.status) + ")";
}

}  // namespace

std::string ago(std::int64_t time_ns, std::int64_t now) {
  return time_ns == 0 ? "" : vm::human_duration(now - time_ns) + " ago";
}

std::string status_text(const vm::Record& record, std::int64_t now) {
  switch (record.effective_phase()) {
    case vm::Phase::kCreated:
      return "Created";
    case vm::Phase::kStarting:
      return "Starting";
    case vm::Phase::kRestoring:
      return "Restoring";
    case vm::Phase::kRunning:
      return "Up " + vm::human_duration(now - record.started_ns) + wellness_text(record) +
             (record.network_error.empty() ? "" : " (network broken)");
    case vm::Phase::kPaused:
      return record.awaits_room ? "Paused (no room on the host's disk)" : "Paused";
    case vm::Phase::kSaving:
      return "Saving";
    case vm::Phase::kStopping:
      return "Stopping";
    case vm::Phase::kExited:
      return fmt::format("Exited ({}) {}", record.exit_code, ago(record.finished_ns, now));
  }
  return "";
}

std::string command_text(const vm::Record& record, bool whole) {
  constexpr std::size_t kRoom = 20;
  std::string text;
  for (const auto& word : record.command) text += (text.empty() ? "" : " ") + word;
  const bool cut = !whole && text.size() > kRoom;
  return printable(cut ? text.substr(0, kRoom - 3) + "..." : text);
}

std::string ports_text(const vm::Record& record) {
  std::string text;
  for (const auto& port : record.ports) {
    text +=
        fmt::format("{}{}->{}/{}", text.empty() ? "" : ", ",
                    vm::endpoint_text(port.address, port.host_port, port.count),
                    vm::endpoint_text("", port.guest_port, port.count), vm::to_text(port.protocol));
  }
  return printable(text);
}

std::string labels_text(const std::map<std::string, std::string>& labels) {
  std::string text;
  for (const auto& [key, value] : labels) {
    text += fmt::format("{}{}={}", text.empty() ? "" : ",", key, value);
  }
  return printable(text);
}

std::string size_text(std::uint64_t bytes) {
  constexpr std::array<const char*, 5> kUnits = {"B", "kB", "MB", "GB", "TB"};
  auto number = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; number >= 1000 && unit + 1 < kUnits.size(); ++unit) number /= 1000;
  return fmt::format("{:.4g}{}", number, kUnits[unit]);
}

}  // namespace fcvm::cli
