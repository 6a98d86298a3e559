// Machine: the VM that the fake pretends to run; it refuses whatever Firecracker refuses.
#pragma once

#include <atomic>
#include <optional>
#include <string>

#include "tests/support/fake_firecracker/table.hpp"

namespace fake {

struct Answer {
  int status = 204;
  std::string body;
  bool then_exit = false;  // a failed load leaves a process that is too dirty to go on
};

// The guest: one that is only played, in fake_firecracker (vsock.cpp), and a real one in
// firecracker_on_qemu (guest_on_qemu.cpp).

/// Listens on a path for connections to the guest's ports; false: it is in use.
bool serve_vsock(const std::string& path);
void start_guest(const Json& config, const Json& metadata);
void set_guest_paused(bool paused);
/// firecracker_on_qemu's alone (metadata_on_qemu.cpp).
bool serve_metadata(const Json& document);

/// What becomes of vsock when a VM is saved or resumed; the guests keep to it.
struct VsockState {
  /// Streams of an older life are dead in the guest, and nobody tells their ends on the host.
  std::atomic<unsigned> life{0};
  /// What the host sends does not reach the guest.
  std::atomic<bool> muted{false};
};
inline VsockState vsock;

class Machine {
 public:
  /// `has_drivers`: whether the guest takes its devices, as it does once it has booted.
  Machine(int minor, std::string version, Table table, bool has_drivers)
      : minor_(minor),
        version_(std::move(version)),
        table_(std::move(table)),
        has_drivers_(has_drivers) {}

  Answer handle(const std::string& method, const std::string& path,
                const std::optional<Json>& body);

 private:
  enum class State { kNotStarted, kRunning, kPaused };

  Answer before_start(const std::string& key, const std::string& path, const Json& body);
  Answer after_start(const std::string& key, const Json& body);
  Answer configure(const std::string& path, const Json& body);
  std::optional<std::string> check_configuration(const std::string& path, const Json& body) const;
  [[nodiscard]] std::optional<std::string> check_memory() const;
  Answer start();
  Answer set_state(State wanted);
  Answer create_snapshot(const Json& body);
  Answer load_snapshot(const Json& body);
  std::optional<std::string> restore(const Json& body);
  std::optional<std::string> override_devices(const Json& body);
  Answer patch_balloon(const Json& body);
  Answer balloon_statistics() const;
  [[nodiscard]] Answer get_balloon() const;
  Answer put_metadata(const Json& body);
  [[nodiscard]] Answer refuse(const std::string& why) const;
  [[nodiscard]] bool has(const char* device) const { return config_.contains(device); }

  const int minor_;
  const std::string version_;
  const Table table_;
  const bool has_drivers_;
  State state_ = State::kNotStarted;
  bool saved_ = false;  // in this pause: the guest is to drop its streams when it goes on
  bool boot_path_ = false;
  Json config_ = Json::object();
  Json metadata_ = Json::object();
};

}  // namespace fake
