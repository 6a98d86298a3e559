// Snapshots of the fake: its configuration as JSON, and a memory file of a page.
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <sys/mman.h>
#include <unistd.h>

#include "core/base/io/fd.hpp"
#include "core/base/io/socket_pair.hpp"
#include "core/base/io/unix_socket.hpp"
#include "tests/support/fake_firecracker/machine.hpp"

namespace fake {

namespace {

constexpr std::size_t kMemory = 4096;
constexpr const char* kRestore = "Load snapshot error: Failed to restore from snapshot: ";

/// One message: one descriptor, and where the memory lies.
bool hand_over(const std::string& socket_path) {
  auto socket = fcvm::base::connect_unix(socket_path);
  if (!socket) return false;
  const fcvm::Fd memory(::memfd_create("fake-uffd", MFD_CLOEXEC));
  const Json body = {{{"base_host_virt_addr", 0x7f0000000000},
                      {"size", kMemory},
                      {"offset", 0},
                      {"page_size", 4096},
                      {"page_size_kib", 4096}}};
  const int fds[] = {memory.get()};
  return fcvm::base::send_fds(socket->get(), body.dump(), fds).has_value();
}

/// Why not, as Firecracker puts it; nothing when it was stored.
std::optional<std::string> store(const std::string& path, const std::string& bytes,
                                 const std::string& what) {
  const auto failed = [&](const char* step) {
    return "Create snapshot error: Cannot perform " + std::string(step) + " on the " + what +
           " backing file: " + std::strerror(errno);
  };
  const fcvm::Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!file) return failed("open");
  if (::write(file.get(), bytes.data(), bytes.size()) < 0) return failed("write");
  if (::fsync(file.get()) != 0) return failed("sync_all");
  return {};
}

}  // namespace

Answer Machine::create_snapshot(const Json& body) {
  // Devices are saved first, CPUs next, and then all of it is stored.
  saved_ = true;
  if (state_ != State::kPaused) {
    ++vsock.life;
    return refuse(
        "Create snapshot error: Cannot save the microVM state: Operation not allowed: "
        "save/restore unavailable while running");
  }
  const bool tracked = config_["/machine-config"].value("track_dirty_pages", false);
  if (body.value("snapshot_type", "Full") == "Diff" && !tracked && minor_ < 13) {
    return refuse(
        "The requested operation is not supported: Diff snapshots are not allowed on uVMs with "
        "dirty page tracking disabled");
  }
  const Json saved = {{"version", version_}, {"config", config_}};
  auto why = store(body["snapshot_path"], saved.dump(), "snapshot");
  if (!why) why = store(body["mem_file_path"], std::string(kMemory, 'm'), "memory");
  return why ? refuse(*why) : Answer{};
}

Answer Machine::load_snapshot(const Json& body) {
  if (boot_path_) {
    return refuse(
        "Load snapshot error: Loading a microVM snapshot not allowed after configuring "
        "boot-specific resources.");
  }
  if (!body.contains("mem_backend")) return refuse("missing field: either `mem_backend` or ...");
  if (auto why = restore(body)) {
    Answer answer = refuse(kRestore + *why);
    answer.then_exit = true;
    return answer;
  }
  state_ = body.value("resume_vm", false) ? State::kRunning : State::kPaused;
  saved_ = true;
  return {};
}

std::optional<std::string> Machine::restore(const Json& body) {
  std::ifstream stream(body["snapshot_path"].get<std::string>());
  if (!stream) return "Failed to get snapshot state from file: Failed to open snapshot file";
  const Json saved = Json::parse(stream, nullptr, false);
  if (saved.is_discarded() || saved.value("version", "") != version_) {
    return "Failed to get snapshot state from file: Failed to load snapshot state from file: An "
           "error occured during bitcode serialization";
  }
  config_ = saved["config"];
  const bool dirty = body.value("track_dirty_pages", body.value("enable_diff_snapshots", false));
  config_["/machine-config"]["track_dirty_pages"] = dirty;
  const std::string path = body["mem_backend"]["backend_path"];
  const bool file = body["mem_backend"]["backend_type"] == "File";
  if (file && ::access(path.c_str(), R_OK) != 0) {
    return "Failed to load guest memory: Error creating guest memory from file: No such file";
  }
  if (!file && !hand_over(path)) {
    return "Failed to load guest memory: Error creating guest memory from uffd: Failed to connect "
           "to UDS Unix stream";
  }
  return override_devices(body);
}

std::optional<std::string> Machine::override_devices(const Json& body) {
  for (const Json& change : body.value("network_overrides", Json::array())) {
    const std::string device = "/network-interfaces/" + change["iface_id"].get<std::string>();
    if (!config_.contains(device)) return "Unknown Network Device.";
    config_[device]["host_dev_name"] = change["host_dev_name"];
  }
  if (body.contains("vsock_override")) {
    if (!has("/vsock")) return "Unknown Vsock Device.";
    config_["/vsock"]["uds_path"] = body["vsock_override"]["uds_path"];
  }
  if (has("/vsock") && !serve_vsock(config_["/vsock"]["uds_path"])) {
    return "Failed to build microVM from snapshot: Failed to restore devices: VsockUnixBackend: "
           "Error binding to the host-side Unix socket: Address already in use (os error 98)";
  }
  return {};
}

}  // namespace fake
