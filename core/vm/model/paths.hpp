// Where things lie on the host.
#pragma once

#include <filesystem>
#include <string>

namespace fcvm::vm {

struct Paths {
  std::filesystem::path data;     // [paths] data-dir
  std::filesystem::path runtime;  // [paths] runtime-dir: short, for sockets

  [[nodiscard]] std::filesystem::path vms() const { return data / "vms"; }
  /// One VM's directory: its record and logs.
  [[nodiscard]] std::filesystem::path vm(const std::string& id) const { return vms() / id; }
  /// What of it the VMM has, as its working directory: disks, console, sockets, its own logs. A VMM
  /// that a guest took over may do in there as it likes, so nothing believes what lies there.
  [[nodiscard]] std::filesystem::path vmm(const std::string& id) const { return vm(id) / "vmm"; }
  [[nodiscard]] std::filesystem::path record(const std::string& id) const {
    return vm(id) / "vm.json";
  }
  /// What it is made of, for `fcvm start`.
  [[nodiscard]] std::filesystem::path plan(const std::string& id) const {
    return vm(id) / "plan.json";
  }
  /// Of the image that it runs, for `fcvm inspect`.
  [[nodiscard]] std::filesystem::path image_config(const std::string& id) const {
    return vm(id) / "image.json";
  }
  [[nodiscard]] std::filesystem::path container_log(const std::string& id) const {
    return vm(id) / "container.log";
  }
  [[nodiscard]] std::filesystem::path console_log(const std::string& id) const {
    return vmm(id) / "console.log";
  }
  /// What the supervisor of a detached VM says.
  [[nodiscard]] std::filesystem::path supervisor_log(const std::string& id) const {
    return vm(id) / "fcvm.log";
  }
  /// Held by whoever cleans up after a dead supervisor, or removes the VM; see gc.hpp.
  [[nodiscard]] std::filesystem::path vm_lock(const std::string& id) const {
    return vm(id) / ".lock";
  }
  /// Locked by the supervisor for its life.
  [[nodiscard]] std::filesystem::path supervisor_lock(const std::string& id) const {
    return vm(id) / ".supervised";
  }
  [[nodiscard]] std::filesystem::path events() const { return data / "events.jsonl"; }
  [[nodiscard]] std::filesystem::path images() const { return data / "images"; }
  /// What builder VMs have while they work.
  [[nodiscard]] std::filesystem::path builds() const { return data / "builds"; }
  [[nodiscard]] std::filesystem::path guests() const { return data / "guests"; }
  [[nodiscard]] std::filesystem::path snapshots() const { return data / "snapshots"; }
  /// What `fcvm serve` knows of its sandboxes.
  [[nodiscard]] std::filesystem::path sandboxes() const { return data / "sandboxes"; }
  [[nodiscard]] std::filesystem::path templates() const { return data / "templates"; }
  /// Sockets of one VM.
  [[nodiscard]] std::filesystem::path sockets(const std::string& id) const { return runtime / id; }
  static constexpr const char* kControlSocket = "control.sock";
};

}  // namespace fcvm::vm
