// See work_directory.hpp.
#include "plugins/image/common/work_directory.hpp"

#include <cstdlib>
#include <filesystem>

#include "core/base/io/file.hpp"

namespace fcvm::archive {

namespace {

constexpr std::string_view kPrefix = "work.";

}  // namespace

Result<WorkDirectory> WorkDirectory::create(const std::string& cache) {
  for (;;) {
    std::string path = cache + "/" + std::string(kPrefix) + "XXXXXX";
    if (::mkdtemp(path.data()) == nullptr) return fail_errno("making a directory in " + cache);
    // A sweep between the two lines takes it for a dead one's: then make another.
    auto lock = FCVM_TRY(Lock::try_existing(path, Lock::Mode::kExclusive));
    if (lock) return WorkDirectory(std::move(path), *std::move(lock));
  }
}

WorkDirectory::~WorkDirectory() {
  if (!path_.empty()) {
    [[maybe_unused]] const auto removed = base::remove_tree(path_);
  }
}

Result<void> WorkDirectory::sweep(const std::string& cache) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(cache, error)) {
    if (!entry.path().filename().string().starts_with(kPrefix)) continue;
    const auto lock = FCVM_TRY(Lock::try_existing(entry.path(), Lock::Mode::kExclusive));
    if (lock) FCVM_TRY(base::remove_tree(entry.path()));
  }
  if (error) return fail(error.value(), "reading " + cache + ": " + error.message());
  return {};
}

}  // namespace fcvm::archive
