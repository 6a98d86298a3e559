#include "core/image/build_directory.hpp"

#include <chrono>
#include <utility>

#include "core/log/log.hpp"
#include "core/vm/host/cgroup_limits.hpp"
#include "core/vm/model/id.hpp"

namespace fcvm::image {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr const char* kLock = ".lock";
/// Whoever holds the lock of all makes a directory, or removes dead ones.
constexpr auto kLockPatience = 30s;

/// The cgroup is on record before it is made.
fs::path cgroup_record(const fs::path& build) { return build / "cgroup"; }

/// False when its builder lives. Only who gets its lock knows that it does not.
Result<bool> remove_dead(const fs::path& build, bool dry_run) {
  const auto lock = base::FileLock::acquire(build / kLock, base::Deadline::in(0s));
  if (!lock && lock.error().code() == ETIMEDOUT) return false;
  std::error_code error;
  if (!lock && !fs::exists(build, error)) return false;
  if (!lock) return unexpected(lock.error());
  if (dry_run) return true;
  if (const auto cgroup = base::read_file(cgroup_record(build)); cgroup) {
    FCVM_TRY(vm::remove_cgroup(*cgroup));
  }
  FCVM_TRY(base::remove_tree(build));
  return true;
}

}  // namespace

Result<BuildDirectory> BuildDirectory::make(const vm::Paths& paths) {
  FCVM_TRY(base::make_directories(paths.builds(), 0700));
  const auto all =
      FCVM_TRY(base::FileLock::acquire(paths.builds() / kLock, base::Deadline::in(kLockPatience)));
  std::string id = FCVM_TRY(vm::random_id());
  const fs::path path = paths.builds() / id;
  FCVM_TRY(base::make_directories(path / "vmm", 0700));
  auto lock = FCVM_TRY(base::FileLock::acquire(path / kLock, base::Deadline::in(kLockPatience)));
  return BuildDirectory(std::move(id), path, std::move(lock));
}

Result<std::vector<std::string>> BuildDirectory::sweep(const vm::Paths& paths, bool dry_run) {
  std::vector<std::string> gone;
  std::error_code error;
  if (!fs::exists(paths.builds(), error)) return gone;
  const auto all =
      FCVM_TRY(base::FileLock::acquire(paths.builds() / kLock, base::Deadline::in(kLockPatience)));
  for (const auto& entry : fs::directory_iterator(paths.builds(), error)) {
    const std::string id = entry.path().filename();
    if (!vm::is_id(id)) continue;
    if (FCVM_TRY(remove_dead(entry.path(), dry_run))) gone.push_back(id);
  }
  if (error) return fail(error.value(), "reading " + paths.builds().string());
  return gone;
}

BuildDirectory::BuildDirectory(BuildDirectory&& other) noexcept
    : id_(std::move(other.id_)),
      path_(std::exchange(other.path_, {})),
      lock_(std::move(other.lock_)),
      cgroup_(std::move(other.cgroup_)) {}

BuildDirectory::~BuildDirectory() {
  if (path_.empty()) return;
  auto gone = vm::remove_cgroup(cgroup_.place());
  if (gone) gone = base::remove_tree(path_);
  if (!gone) log::warning("image", "{}", gone.error().message());
}

void BuildDirectory::make_cgroup(std::uint64_t memory_bytes, std::uint32_t cpus) {
  auto made = [&]() -> Result<vm::Cgroup> {
    const std::string place = FCVM_TRY(vm::cgroup_place(id_, false));
    FCVM_TRY(base::write_file_atomic(cgroup_record(path_), place));
    return vm::Cgroup::make(place);
  }();
  if (!made) return log::debug("image", "{}", made.error().message());
  cgroup_ = *std::move(made);
  // An emulated guest takes more of the VMM than one with KVM, and which it is shows only later.
  const auto applied =
      vm::apply_limits(cgroup_.place(), vm::CgroupLimits::of_guest(memory_bytes, cpus, true));
  if (!applied.missing.empty()) log::debug("image", "{}", applied.missing);
}

}  // namespace fcvm::image
