#include "core/image/builder.hpp"

#include <algorithm>
#include <set>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <fmt/core.h>

#include "core/image/build_directory.hpp"
#include "core/image/build_vm.hpp"
#include "core/log/log.hpp"

namespace fcvm::image {
namespace {

constexpr std::size_t kLongestId = 20;
constexpr std::size_t kMostDisks = 16;
constexpr std::uint64_t kMemory = 1ULL << 30;
constexpr std::uint64_t kLeastMemory = 256ULL << 20;

/// Not more than half of a small host's.
std::uint64_t default_memory() {
  struct sysinfo host {};
  if (::sysinfo(&host) != 0) return kMemory;
  const std::uint64_t half = std::uint64_t{host.totalram} * host.mem_unit / 2;
  return std::clamp(half >> 20 << 20, kLeastMemory, kMemory);
}

Result<void> check_disks(const std::vector<plugin::BuilderService::Disk>& disks) {
  if (disks.size() > kMostDisks) {
    return fail(EINVAL, fmt::format("builder/1 run: a VM has at most {} disks", kMostDisks));
  }
  std::set<std::string> taken = {"base", "disk"};  // the guest's own
  for (const auto& disk : disks) {
    const bool good =
        !disk.id.empty() && disk.id.size() <= kLongestId &&
        disk.id.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos;
    if (!good || !taken.insert(disk.id).second) {
      return fail(EINVAL, "builder/1 run: a disk cannot have the id \"" + disk.id + "\"");
    }
    if (::access(disk.path.c_str(), disk.read_only ? R_OK : W_OK) != 0) {
      return fail_errno("builder/1 run: the disk " + disk.path);
    }
  }
  return {};
}

}  // namespace

Result<int> Builder::run(const Build& build, const Call& call,
                         const plugin::GuestService::OutputHandler& output) {
  FCVM_TRY(check_disks(build.disks));
  Build filled = build;
  // One is the fastest where it is emulated, and podman uses no more for most of the time.
  if (filled.cpus == 0) filled.cpus = 1;
  if (filled.memory_bytes == 0) filled.memory_bytes = default_memory();
  if (auto swept = BuildDirectory::sweep(context_.paths); !swept) {
    log::warning("image", "{}", swept.error().message());
  }
  BuildVm vm(context_, filled, call, FCVM_TRY(BuildDirectory::make(context_.paths)));
  return vm.run(output) | context("in a builder VM");
}

/// Its directory is named by all that it was made of.
Result<std::string> Builder::guest() {
  return std::filesystem::path(context_.guest.base_image).parent_path().filename().string();
}

}  // namespace fcvm::image
