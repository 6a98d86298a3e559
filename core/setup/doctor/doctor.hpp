// What fcvm doctor looks at that is the core's own; what plugins need, their probes say.
//
// Each requirement is a row of a table with a small function that tries the thing itself: a device
// is opened, a namespace made, a block shared. Nothing is left behind.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace fcvm::setup {

enum class Verdict { kPass, kWarn, kFail };

struct Finding {
  Verdict verdict = Verdict::kPass;
  std::string found{};
  std::string fix{};  // a command or an instruction; empty when it passes
};

struct Patient {
  std::filesystem::path data{};  // the data directory, which may not be there yet
};

struct Check {
  const char* name;
  const char* why;
  bool vital;  // without it nothing runs at all
  Finding (*look)(const Patient& patient);
};

struct Diagnosis {
  std::string name{};
  std::string why{};
  bool vital = false;
  Finding finding{};
};

// Each file of checks has its rows; all are shown in this order.
[[nodiscard]] std::vector<Check> program_checks();
[[nodiscard]] std::vector<Check> kernel_checks();
[[nodiscard]] std::vector<Check> jail_checks();
[[nodiscard]] std::vector<Check> storage_checks();

[[nodiscard]] std::vector<Diagnosis> examine(const Patient& patient);

/// Whether something vital fails.
[[nodiscard]] bool prevents_running(const std::vector<Diagnosis>& diagnoses);

[[nodiscard]] std::string_view to_string(Verdict verdict);

}  // namespace fcvm::setup
