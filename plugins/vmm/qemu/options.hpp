// What a user may set for the qemu plugin: [plugin."vmm.qemu"] in TOML.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include <fcvm/sdk/options.hpp>

namespace fcvm::qemu {

#if defined(__aarch64__)
inline constexpr const char* kDefaultBinary = "qemu-system-aarch64";
inline constexpr const char* kPackage = "apt install qemu-system-arm";
#else
inline constexpr const char* kDefaultBinary = "qemu-system-x86_64";
inline constexpr const char* kPackage = "apt install qemu-system-x86";
#endif

struct Options {
  std::string binary = kDefaultBinary;
  std::string machine = "auto";
  std::string accel = "auto";
  std::string cpu;
  bool sandbox = true;
  std::chrono::nanoseconds balloon_stats = std::chrono::seconds(5);
  Bytes translation_cache{128 << 20};
  std::vector<std::string> args;

  static auto table() {
    return fcvm::options(
        fcvm::option("binary", &Options::binary, "the QEMU program: a path, or a name in PATH"),
        fcvm::option("machine", &Options::machine,
                     "QEMU machine; auto is microvm with KVM and q35 without")
            .choices("auto|microvm|q35"),
        fcvm::option("accel", &Options::accel, "auto takes KVM where it works, else emulation")
            .choices("auto|kvm|tcg"),
        fcvm::option("cpu", &Options::cpu, "QEMU CPU model; host with KVM and max without it"),
        fcvm::option("sandbox", &Options::sandbox, "let QEMU install its seccomp filter"),
        fcvm::option("balloon-stats", &Options::balloon_stats,
                     "how often the guest reports its memory; 0 never asks it"),
        fcvm::option("translation-cache", &Options::translation_cache,
                     "without KVM, the host's memory for translated code of the guest"),
        fcvm::option("args", &Options::args, "further arguments for QEMU, as they are"));
  }
};

}  // namespace fcvm::qemu
