// Store: all snapshots of a user: a directory each, <data>/snapshots/ID, with its manifest.
//
// One that is being made lies in .making-ID until it is whole, and its maker holds its lock: so
// whoever finds it unlocked may remove it. Who uses a snapshot holds its lock with others.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fcvm/result.hpp>

#include "core/base/io/file.hpp"
#include "core/snapshot/manifest.hpp"
#include "core/vm/model/paths.hpp"

namespace fcvm::snapshot {

struct Snapshot {
  Manifest manifest;
  std::filesystem::path directory;
};

/// A snapshot that is being made. Owns its directory until the store keeps it.
class Draft {
 public:
  Draft(std::string id, std::filesystem::path directory, base::FileLock lock)
      : id_(std::move(id)), directory_(std::move(directory)), lock_(std::move(lock)) {}
  Draft(Draft&& other) noexcept
      : id_(std::move(other.id_)),
        directory_(std::exchange(other.directory_, {})),
        lock_(std::move(other.lock_)) {}
  Draft& operator=(Draft&&) = delete;
  /// Removes it, unless it was kept.
  ~Draft();

  [[nodiscard]] const std::string& id() const { return id_; }
  [[nodiscard]] const std::filesystem::path& directory() const { return directory_; }

 private:
  friend class Store;
  std::string id_;
  std::filesystem::path directory_;  // empty once it was kept
  base::FileLock lock_;
};

/// One that its maker uses as long as this lives: nobody removes it before that.
struct Kept {
  Snapshot snapshot;
  base::FileLock use;
};

class Store {
 public:
  explicit Store(std::filesystem::path directory) : directory_(std::move(directory)) {}

  /// A directory for the files of a new one.
  [[nodiscard]] Result<Draft> begin() const;
  /// With its files and this manifest, which names its id, it is a snapshot from now on. EEXIST for
  /// a tag that another has, unless it replaces that: clones of it keep what they have open.
  [[nodiscard]] Result<Kept> keep(Draft draft, const Manifest& manifest,
                                  bool replaces = false) const;
  /// EEXIST for a tag that one has: to ask before work is done.
  [[nodiscard]] Result<void> check_free(const std::string& tag) const;

  /// The oldest first. One whose manifest cannot be read is left out, with a warning.
  [[nodiscard]] Result<std::vector<Snapshot>> all() const;
  /// By tag, id, or an unambiguous beginning of an id.
  [[nodiscard]] Result<Snapshot> find(std::string_view tag_or_id) const;
  /// EBUSY while somebody uses it, unless that is meant: who has its files open keeps them.
  [[nodiscard]] Result<void> remove(const Snapshot& snapshot, bool even_used) const;
  /// By its id, of which nothing else needs to be right.
  [[nodiscard]] Result<void> remove_damaged(const std::string& id) const;
  [[nodiscard]] bool is_used(const Snapshot& snapshot) const;
  /// Nobody removes it while this is held.
  [[nodiscard]] Result<base::FileLock> use(const Snapshot& snapshot) const;
  /// What killed makers have left, and forks that nobody uses, whose command was interrupted:
  /// removed, or with `dry_run` only named.
  [[nodiscard]] Result<std::vector<std::string>> collect(bool dry_run) const;

 private:
  [[nodiscard]] Result<base::FileLock> lock() const;
  [[nodiscard]] Result<Snapshot> load(const std::string& id) const;
  [[nodiscard]] bool is_left_over(const std::filesystem::path& entry) const;
  [[nodiscard]] Result<void> remove_tagged(const std::string& tag) const;
  [[nodiscard]] Result<void> remove_directory(const std::filesystem::path& of) const;

  const std::filesystem::path directory_;
};

/// Each file is there, and as long as it was.
[[nodiscard]] Result<void> check_files(const Snapshot& snapshot);
/// Each has the contents that it had, as far as they were digested.
[[nodiscard]] Result<void> verify(const Snapshot& snapshot);

}  // namespace fcvm::snapshot
