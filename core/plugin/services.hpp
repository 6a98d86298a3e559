// What the host offers plugins, as C++ interfaces. Whoever runs a plugin implements the ones that
// make sense there: `fcvm plugin inspect` has no guest to offer.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fcvm/host.h>
#include <fcvm/result.hpp>
#include <fcvm/sdk/call.hpp>

#include "core/base/io/fd.hpp"

namespace fcvm::plugin {

/// process/1: children that die with the host. process_keeper.hpp has the one implementation.
class ProcessService {
 public:
  virtual ~ProcessService() = default;
  virtual Result<std::uint64_t> spawn(std::string_view owner, const fcvm_process_spec& spec) = 0;
  virtual Result<fcvm_process_status> status(std::uint64_t handle) = 0;
  virtual Result<void> signal(std::uint64_t handle, int number) = 0;
  virtual int pidfd(std::uint64_t handle) = 0;
  virtual void release(std::uint64_t handle, std::chrono::nanoseconds grace) = 0;
};

/// guest/1: the running VM. A call that blocks ends when the plugin's verb is cancelled.
class GuestService {
 public:
  struct Exec {
    std::vector<std::string> arguments;
    bool in_container = false;
    std::vector<std::string> environment;
    std::string user;
    std::string directory;
    std::string input;
  };
  /// A piece of what a command wrote, FCVM_OUTPUT_STDOUT or _STDERR; false ends the command.
  using OutputHandler = std::function<bool(std::uint32_t source, std::string_view bytes)>;
  using LineHandler = std::function<void(const fcvm_line& line)>;

  virtual ~GuestService() = default;
  virtual Result<base::Fd> dial(std::uint32_t port, const Call& call) = 0;
  virtual Result<base::Fd> dial_tcp(std::uint16_t port, const Call& call) = 0;
  /// The exit code, as a shell would give it.
  virtual Result<int> exec(const Exec& command, const Call& call, const OutputHandler& output) = 0;
  virtual Result<std::uint64_t> subscribe(std::uint32_t source, LineHandler handler) = 0;
  virtual void unsubscribe(std::uint64_t subscription) = 0;
};

/// state/1: what must be undone after a crash.
class StateService {
 public:
  virtual ~StateService() = default;
  virtual Result<void> put(std::string_view plugin, const std::string& key,
                           const std::string& value) = 0;
  virtual Result<void> forget(std::string_view plugin, const std::string& key) = 0;
  virtual std::vector<std::pair<std::string, std::string>> list(std::string_view plugin) = 0;
  virtual Result<base::Fd> directory() = 0;
};

/// progress/1: bars on a terminal, lines elsewhere.
class ProgressService {
 public:
  virtual ~ProgressService() = default;
  virtual std::uint64_t begin(const std::string& what, std::uint64_t total,
                              const std::string& unit) = 0;
  virtual void update(std::uint64_t progress, std::uint64_t done) = 0;
  virtual void end(std::uint64_t progress, bool succeeded) = 0;
};

/// builder/1: a VM that runs one command on disks and is gone.
class BuilderService {
 public:
  struct Disk {
    std::string id;
    std::string path;  // absolute
    bool read_only = false;
    bool unsafe_cache = false;
  };
  struct Build {
    std::vector<std::string> arguments;
    std::vector<std::string> environment;
    std::vector<Disk> disks;
    std::uint32_t cpus = 0;          // 0: the host's choice
    std::uint64_t memory_bytes = 0;  // likewise
  };

  virtual ~BuilderService() = default;
  /// The command's exit code, as a shell would give it. Ends early when the call is cancelled.
  virtual Result<int> run(const Build& build, const Call& call,
                          const GuestService::OutputHandler& output) = 0;
  /// The name of the guest that runs it.
  virtual Result<std::string> guest() = 0;
};

/// Null for a service that is not offered; log/1 always is.
struct Services {
  ProcessService* process = nullptr;
  GuestService* guest = nullptr;
  StateService* state = nullptr;
  ProgressService* progress = nullptr;
  BuilderService* builder = nullptr;
};

}  // namespace fcvm::plugin
