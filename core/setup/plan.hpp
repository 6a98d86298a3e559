// What a setup is to make: its settings, and the keys that follow from them. Deciding reads files
// and changes nothing, so a dry run is the plan, printed.
#pragma once

#include <array>
#include <filesystem>
#include <string>
#include <vector>

#include <fcvm/result.hpp>

namespace fcvm::setup {

struct Settings {
  std::string suite{};
  std::string mirror{};            // empty: mmdebstrap's own choice
  std::string kernel = "suite";    // suite, host, path, url
  std::string kernel_path{};       // of "path"
  std::string kernel_modules{};    // lib/modules/VERSION of "path" or "url"; empty: the host's
  std::string kernel_url{};        // of "url"
  std::string kernel_sha256{};     // of "url"
  std::filesystem::path guests{};  // vm::Paths::guests()
  std::filesystem::path agent{};   // libexec/fcvm/fc-agent
};

/// Where a kernel comes from that is not the suite's.
struct KernelSource {
  std::filesystem::path image{};    // empty: fetched from a URL
  std::filesystem::path modules{};  // empty: none
};

struct PlannedPiece {
  std::string name{};
  std::string key{};
  std::string from{};  // for people: "Debian trixie"
  bool done = false;
};

struct Plan {
  std::string architecture{};  // Debian's: "amd64"
  KernelSource kernel_source{};
  PlannedPiece rootfs{};
  PlannedPiece kernel{};
  PlannedPiece initrd{};
  PlannedPiece hello{};
  std::string key{};  // of the whole

  [[nodiscard]] std::array<const PlannedPiece*, 4> pieces() const {
    return {&rootfs, &kernel, &initrd, &hello};
  }
};

[[nodiscard]] Result<Plan> make_plan(const Settings& settings);

}  // namespace fcvm::setup
