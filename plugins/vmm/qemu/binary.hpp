// The QEMU program: where it is, and which version.
#pragma once

#include <memory>
#include <string>

#include <fcvm/result.hpp>
#include <fcvm/sdk/host.hpp>

namespace fcvm::qemu {

/// The oldest QEMU whose snapshots and ACPI on microvm are good enough.
inline constexpr int kOldestMajor = 6;
inline constexpr int kOldestMinor = 2;

struct Version {
  int major = 0;
  int minor = 0;
  int micro = 0;
  [[nodiscard]] std::string text() const;
  [[nodiscard]] bool old() const;
  /// Whether one emulated CPU may translate code while another changes it. Before 8.1 the page is
  /// not locked meanwhile, so that what is executed may be what was there before: a kernel that
  /// patches itself panics.
  [[nodiscard]] bool translates_safely() const;
};

/// A path for a path or a name in PATH; ENOENT with what to install.
Result<std::string> find_binary(const std::string& name);

/// Runs `binary --version`, once for each file in the life of this process.
Result<Version> ask_version(const Host& host, const std::string& binary, const Call& call);
/// What the seccomp filter that QEMU gives itself forbids.
inline constexpr const char* kSandbox =
    "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny";
/// Asks a QEMU that has no guest, so that no guest has a word in it. ENOTSUP: it can be run without
/// only.
Result<void> check_sandbox(const Host& host, const std::string& binary, const Call& call);

Result<Version> parse_version(const std::string& text);
Error too_old(const std::string& binary, const Version& version);

}  // namespace fcvm::qemu
