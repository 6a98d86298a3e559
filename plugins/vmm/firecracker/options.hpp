// What a user may set for the firecracker plugin: [plugin."vmm.firecracker"] in TOML.
#pragma once

#include <chrono>
#include <string>

#include <fcvm/sdk/options.hpp>

namespace fcvm::firecracker {

struct Options {
  std::string binary = "firecracker";
  std::string cpu_template;
  bool pci = false;
  bool smt = false;
  std::string io_engine = "sync";
  bool deflate_on_oom = true;
  std::chrono::nanoseconds balloon_stats = std::chrono::seconds(5);
  bool seccomp = true;
  bool metrics = false;
  std::string log_level = "warning";
  std::chrono::nanoseconds start_timeout = std::chrono::seconds(10);

  static auto table() {
    return fcvm::options(
        fcvm::option("binary", &Options::binary,
                     "the Firecracker program: a path, or a name in PATH")
            .variable("FCVM_FIRECRACKER_BIN"),
        fcvm::option("cpu-template", &Options::cpu_template,
                     "a static CPU template (T2, T2S, T2CL, T2A, C3, V1N1), or the path of a "
                     "custom template in JSON"),
        fcvm::option("pci", &Options::pci, "attach devices through PCI (Firecracker 1.13 and up)"),
        fcvm::option("smt", &Options::smt, "show the guest two threads per core (x86)"),
        fcvm::option("io-engine", &Options::io_engine, "how disks are read; async is io_uring")
            .choices("sync|async"),
        fcvm::option("deflate-on-oom", &Options::deflate_on_oom,
                     "let the guest take balloon memory back rather than run out of it"),
        fcvm::option("balloon-stats", &Options::balloon_stats,
                     "how often the guest reports its balloon; 0 never asks it"),
        fcvm::option("seccomp", &Options::seccomp, "keep Firecracker's seccomp filters on"),
        fcvm::option("metrics", &Options::metrics,
                     "write Firecracker's metrics to firecracker.metrics beside its log"),
        fcvm::option("log-level", &Options::log_level, "what Firecracker writes to its log")
            .choices("error|warning|info|debug"),
        fcvm::option("start-timeout", &Options::start_timeout,
                     "how long Firecracker may take to open its API socket"));
  }
};

}  // namespace fcvm::firecracker
