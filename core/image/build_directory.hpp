// BuildDirectory: owns what one builder VM has on the host: its directory, which is locked as long
// as the builder lives, and its cgroup.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <fcvm/result.hpp>

#include "core/base/io/file.hpp"
#include "core/vm/host/cgroup.hpp"
#include "core/vm/model/paths.hpp"

namespace fcvm::image {

class BuildDirectory {
 public:
  static Result<BuildDirectory> make(const vm::Paths& paths);
  /// Removes what killed builders left: the ids.
  static Result<std::vector<std::string>> sweep(const vm::Paths& paths, bool dry_run = false);

  BuildDirectory(BuildDirectory&& other) noexcept;
  BuildDirectory& operator=(BuildDirectory&&) = delete;
  BuildDirectory(const BuildDirectory&) = delete;
  BuildDirectory& operator=(const BuildDirectory&) = delete;
  ~BuildDirectory();

  [[nodiscard]] const std::string& id() const { return id_; }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  /// The VMM's; a guest that took its VMM over may do in there as it likes.
  [[nodiscard]] std::filesystem::path vmm() const { return path_ / "vmm"; }
  /// A builder works without one as well.
  void make_cgroup(std::uint64_t memory_bytes, std::uint32_t cpus);
  /// -1 without one.
  [[nodiscard]] int cgroup() const { return cgroup_.fd(); }

 private:
  BuildDirectory(std::string id, std::filesystem::path path, base::FileLock lock)
      : id_(std::move(id)), path_(std::move(path)), lock_(std::move(lock)) {}

  std::string id_;
  std::filesystem::path path_;  // empty: moved from
  base::FileLock lock_;
  vm::Cgroup cgroup_;
};

}  // namespace fcvm::image
