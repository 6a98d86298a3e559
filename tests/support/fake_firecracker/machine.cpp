// See machine.hpp. Loading and making snapshots is in snapshot.cpp.
#include "tests/support/fake_firecracker/machine.hpp"

#include <fstream>
#include <unistd.h>

namespace fake {

namespace {

bool readable(const Json& body, const char* field) {
  return !body.contains(field) || ::access(body[field].get<std::string>().c_str(), R_OK) == 0;
}

bool is_elf(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  char magic[4] = {};
  stream.read(magic, sizeof magic);
  return std::string(magic, 4) == "\177ELF";
}

}  // namespace

Answer Machine::refuse(const std::string& why) const {
  return {400, Json{{"fault_message", why}}.dump(), false};
}

Answer Machine::handle(const std::string& method, const std::string& path,
                       const std::optional<Json>& body) {
  if (auto why = table_.refusal(method, path, body)) return refuse(*why);
  const std::string key = method + " " + path;
  const Json given = body.value_or(Json::object());
  if (key == "PUT /mmds") return put_metadata(given);
  if (key == "GET /balloon") return get_balloon();
  return state_ == State::kNotStarted ? before_start(key, path, given) : after_start(key, given);
}

Answer Machine::before_start(const std::string& key, const std::string& path, const Json& body) {
  if (key.rfind("PATCH", 0) == 0 || key == "GET /balloon/statistics" ||
      key == "PUT /snapshot/create") {
    return refuse("The requested operation is not supported before starting the microVM.");
  }
  if (key == "PUT /snapshot/load") return load_snapshot(body);
  if (key == "PUT /actions") return start();
  return configure(path, body);
}

Answer Machine::after_start(const std::string& key, const Json& body) {
  if (key == "PATCH /vm") {
    return set_state(body["state"] == "Paused" ? State::kPaused : State::kRunning);
  }
  if (key == "PUT /snapshot/create") return create_snapshot(body);
  if (key == "PATCH /balloon") return patch_balloon(body);
  if (key == "GET /balloon/statistics") return balloon_statistics();
  return refuse("The requested operation is not supported after starting the microVM.");
}

Answer Machine::configure(const std::string& path, const Json& body) {
  if (auto why = check_configuration(path, body)) return refuse(*why);
  if (path != "/cpu-config") boot_path_ = true;
  // Disks are attached in the order in which they were first named.
  if (path.rfind("/drives/", 0) == 0 && !config_.contains(path)) config_["drives"].push_back(path);
  config_[path] = body;
  if (path == "/vsock" && !serve_vsock(body["uds_path"])) {
    return refuse(
        "Vsock config error: Cannot create backend for vsock device: Error binding to the "
        "host-side "
        "Unix socket: Address already in use (os error 98)");
  }
  if (auto why = check_memory()) {
    config_.erase(path);
    return refuse(*why);
  }
  return {};
}

std::optional<std::string> Machine::check_configuration(const std::string& path,
                                                        const Json& body) const {
  if (!readable(body, "kernel_image_path") || !readable(body, "initrd_path")) {
    return "Boot source error: The kernel file cannot be opened: No such file or directory (os "
           "error 2)";
  }
  if (!readable(body, "path_on_host")) {
    return "Drive config error: Unable to create the virtio block device: Virtio backend error: "
           "Error manipulating the backing file: No such file or directory (os error 2) " +
           body["path_on_host"].get<std::string>();
  }
  if (path == "/mmds/config") {
    for (const Json& id : body["network_interfaces"]) {
      if (config_.contains("/network-interfaces/" + id.get<std::string>())) continue;
      return "MMDS config error: The list of network interface IDs provided contains at least one "
             "ID that does not correspond to any existing network interface.";
    }
  }
  return {};
}

std::optional<std::string> Machine::check_memory() const {
  const Json machine = config_.value("/machine-config", Json::object());
  const bool huge = machine.value("huge_pages", "None") != "None";
  if (huge && machine.value("mem_size_mib", 128) % 2 != 0) {
    return "Machine config error: The memory size (MiB) is either 0, or not a multiple of the "
           "configured page size.";
  }
  if (huge && has("/balloon") && minor_ < 14) {
    return "Machine config error: Firecracker's huge pages support is incompatible with memory "
           "ballooning.";
  }
  if (huge && minor_ < 11 &&
      config_.value("/boot-source", Json::object()).contains("initrd_path")) {
    return "Machine config error: Firecracker's huge pages support is incompatible with initrds.";
  }
  if (has("/balloon") && config_["/balloon"]["amount_mib"] > machine.value("mem_size_mib", 128)) {
    return "Balloon config error: Amount of pages requested is too large.";
  }
  return {};
}

Answer Machine::start() {
  if (!has("/boot-source")) {
    return refuse("Start microvm error: Cannot start microvm without kernel configuration.");
  }
  if (minor_ < 17 && !is_elf(config_["/boot-source"]["kernel_image_path"])) {
    return refuse(
        "Start microvm error: Cannot load kernel due to invalid memory configuration or invalid "
        "kernel image: Kernel Loader: failed to load ELF kernel image: Invalid Elf magic number");
  }
  start_guest(config_, metadata_);
  state_ = State::kRunning;
  return {};
}

/// 1.16, and 1.17 before its release, take every resumption for that of a VM that was saved, and
/// wait for the guest to acknowledge the reset of its streams, which only a VM that was saved gets.
Answer Machine::set_state(State wanted) {
  if (wanted == State::kRunning) {
    if (saved_) ++vsock.life;
    vsock.muted = !saved_ && (minor_ == 16 || version_.find("-dev") != std::string::npos);
    saved_ = false;
  }
  state_ = wanted;
  set_guest_paused(wanted == State::kPaused);
  return {};
}

Answer Machine::patch_balloon(const Json& body) {
  if (!has("/balloon")) return refuse("Balloon update error: No balloon device found.");
  if (body["amount_mib"] > config_["/machine-config"].value("mem_size_mib", 128)) {
    return refuse("Balloon update error: Amount of pages requested is too large.");
  }
  if (!has_drivers_) return refuse("Balloon update error: Balloon: Device not activated yet.");
  config_["/balloon"]["amount_mib"] = body["amount_mib"];
  return {};
}

Answer Machine::balloon_statistics() const {
  if (!has("/balloon")) return refuse("Internal VMM error: No balloon device found.");
  const Json& balloon = config_["/balloon"];
  if (balloon.value("stats_polling_interval_s", 0) == 0) {
    return refuse("Internal VMM error: Statistics for the balloon device are not enabled");
  }
  const std::int64_t mib = balloon["amount_mib"];
  const Json answer = {{"target_pages", mib * 256}, {"actual_pages", mib * 256},
                       {"target_mib", mib},         {"actual_mib", mib},
                       {"total_memory", 1000},      {"free_memory", 600}};
  return {200, answer.dump(), false};
}

Answer Machine::get_balloon() const {
  if (!has("/balloon")) return refuse("Balloon config error: Device not found.");
  return {200, config_["/balloon"].dump(), false};
}

Answer Machine::put_metadata(const Json& body) {
  if (state_ != State::kNotStarted && !has("/mmds/config")) {
    return refuse("MMDS error: The MMDS data store is not initialized.");
  }
  metadata_ = body;
  return {};
}

}  // namespace fake
