// See temp_dir.hpp.
#include "core/base/io/temp_dir.hpp"

#include <cstdlib>
#include <utility>

#include "core/base/io/file.hpp"

namespace fcvm::base {

Result<TempDir> TempDir::create(const std::string& parent, const std::string& prefix) {
  std::string where = parent;
  if (where.empty()) {
    const char* chosen = std::getenv("TMPDIR");
    where = chosen != nullptr && *chosen != '\0' ? chosen : "/tmp";
  }
  std::string path = where + "/" + prefix + "XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) {
    return fail_errno("making a temporary directory in " + where);
  }
  return TempDir(std::move(path));
}

TempDir::TempDir(TempDir&& other) noexcept : path_(std::exchange(other.path_, {})) {}

TempDir& TempDir::operator=(TempDir&& other) noexcept {
  if (this == &other) return *this;
  (void)remove();
  path_ = std::exchange(other.path_, {});
  return *this;
}

TempDir::~TempDir() { (void)remove(); }

std::string TempDir::keep() { return std::exchange(path_, {}); }

Result<void> TempDir::remove() {
  if (path_.empty()) return {};
  return remove_tree(std::exchange(path_, {}));
}

}  // namespace fcvm::base
