// See freezer.hpp.
#include "agent/boot/freezer.hpp"

#include <string>
#include <time.h>
#include <vector>

#include "agent/boot/kernel_files.hpp"
#include "core/base/deadline.hpp"
#include "core/base/io/file.hpp"

namespace fcvm::agent {
namespace {

constexpr const char* kRoot = "/sys/fs/cgroup/";
/// Where init.cpp has put the agent, with podman and conmon.
constexpr const char* kOwn = "init";
/// A process that waits for its disk stands still only afterwards.
constexpr auto kFreezeLimit = std::chrono::seconds(5);
constexpr timespec kPause{0, 200'000};

/// Those below the root; what lies in them stands still with them.
std::vector<std::string> containers() {
  std::vector<std::string> found;
  for (const auto& name : list_directory(kRoot)) {
    const std::string directory = kRoot + name;
    if (name != kOwn && base::read_file(directory + "/cgroup.freeze")) found.push_back(directory);
  }
  return found;
}

bool is_frozen(const std::string& cgroup) {
  const auto events = base::read_file(cgroup + "/cgroup.events");
  // One that is gone has no processes.
  return !events || events->find("frozen 1") != std::string::npos;
}

Result<void> freeze(const std::string& cgroup) {
  FCVM_TRY(write_file(cgroup + "/cgroup.freeze", "1"));
  const auto deadline = base::Deadline::in(kFreezeLimit);
  while (!is_frozen(cgroup)) {
    if (deadline.expired()) {
      return fail(ETIMEDOUT, "the container's processes do not stand still",
                  "try again when they wait less for their disk");
    }
    ::nanosleep(&kPause, nullptr);
  }
  return {};
}

}  // namespace

Result<void> freeze_containers() {
  for (const auto& cgroup : containers()) {
    if (auto frozen = freeze(cgroup); !frozen) {
      static_cast<void>(thaw_containers());
      return frozen;
    }
  }
  return {};
}

Result<void> thaw_containers() {
  for (const auto& cgroup : containers()) FCVM_TRY(write_file(cgroup + "/cgroup.freeze", "0"));
  return {};
}

}  // namespace fcvm::agent
