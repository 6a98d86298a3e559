// See store.hpp.
#include "core/snapshot/store.hpp"

#include <algorithm>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/core.h>

#include "core/base/io/fd.hpp"
#include "core/log/log.hpp"
#include "core/snapshot/content_digest.hpp"
#include "core/vm/model/id.hpp"
#include "core/vm/model/restore_plan.hpp"

namespace fcvm::snapshot {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMaking = ".making-";
constexpr std::string_view kRemoved = ".removed-";
constexpr std::size_t kLongestManifest = 4 << 20;
/// For what is done under the store's lock: renames.
constexpr auto kLockLimit = std::chrono::seconds(10);
/// Who holds one alone only looks whether it is used.
constexpr auto kUseLimit = std::chrono::seconds(5);
constexpr const char* kAll = "fcvm snapshot ls lists those there are";

Result<void> sync_directory(const fs::path& directory) {
  const Fd fd = FCVM_TRY(base::open_file(directory.string(), O_RDONLY | O_DIRECTORY));
  return ::fsync(fd.get()) == 0 ? Result<void>() : fail_errno("writing " + directory.string());
}

/// Shared ones are on the disk, since nobody has changed them for long.
Result<void> sync_files(const fs::path& directory, const Manifest& manifest) {
  for (const auto& file : manifest.files) {
    if (file.digest.empty()) continue;
    const Fd fd = FCVM_TRY(base::open_file((directory / file.name).string(), O_RDONLY));
    if (::fsync(fd.get()) != 0) return fail_errno("writing " + (directory / file.name).string());
  }
  return {};
}

Result<Fd> open_of(const Snapshot& snapshot, const File& file) {
  const auto path = (snapshot.directory / file.name).string();
  return base::open_file(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
}

Unexpected damaged(const Snapshot& snapshot, const std::string& why) {
  const auto name = snapshot.manifest.name();
  return fail(EBADMSG, fmt::format("snapshot {} is damaged: {}", name, why),
              fmt::format("fcvm snapshot rm {} removes it; then make it again", name));
}

Result<Fd> check_file(const Snapshot& snapshot, const File& file) {
  auto opened = open_of(snapshot, file);
  if (!opened) return damaged(snapshot, opened.error().message());
  struct stat status {};
  if (::fstat(opened->get(), &status) != 0 || !S_ISREG(status.st_mode)) {
    return damaged(snapshot, file.name + " is not a file");
  }
  if (static_cast<std::uint64_t>(status.st_size) == file.size) return opened;
  return damaged(snapshot,
                 fmt::format("{} has {} bytes, and had {}", file.name, status.st_size, file.size));
}

}  // namespace

Draft::~Draft() {
  if (directory_.empty()) return;
  const auto removed = base::remove_tree(directory_.string());
  if (!removed) log::warning("snapshot", "{}", removed.error().message());
}

Result<base::FileLock> Store::lock() const {
  FCVM_TRY(base::make_directories(directory_.string(), 0700));
  return base::FileLock::acquire((directory_ / ".lock").string(), base::Deadline::in(kLockLimit)) |
         context("locking " + directory_.string());
}

Result<Draft> Store::begin() const {
  const auto turn = FCVM_TRY(lock());
  std::string id = FCVM_TRY(vm::random_id());
  while (fs::exists(directory_ / id)) id = FCVM_TRY(vm::random_id());
  const auto directory = directory_ / (std::string(kMaking) + id);
  FCVM_TRY(base::make_directories(directory.string(), 0700));
  auto own = FCVM_TRY(base::FileLock::acquire((directory / vm::kSnapshotLock).string(),
                                              base::Deadline::in(kLockLimit)));
  return Draft(std::move(id), directory, std::move(own));
}

Result<void> Store::check_free(const std::string& tag) const {
  if (tag.empty()) return {};
  FCVM_TRY(vm::check_name(tag) | context("--tag"));
  for (const auto& other : FCVM_TRY(all())) {
    if (other.manifest.tag != tag) continue;
    return fail(EEXIST, fmt::format("there is a snapshot {} already: {}", tag, other.manifest.id),
                fmt::format("give another --tag, or remove that one: fcvm snapshot rm {}", tag));
  }
  return {};
}

/// Under the lock.
Result<void> Store::remove_tagged(const std::string& tag) const {
  for (const auto& other : FCVM_TRY(all())) {
    if (other.manifest.tag == tag) FCVM_TRY(remove_directory(other.directory));
  }
  return {};
}

Result<Kept> Store::keep(Draft draft, const Manifest& manifest, bool replaces) const {
  FCVM_TRY(sync_files(draft.directory_, manifest));
  FCVM_TRY(base::write_file_atomic((draft.directory_ / Manifest::kFile).string(), to_json(manifest),
                                   0600));
  FCVM_TRY(sync_directory(draft.directory_));
  const auto turn = FCVM_TRY(lock());
  FCVM_TRY(replaces ? remove_tagged(manifest.tag) : check_free(manifest.tag));
  const auto place = directory_ / manifest.id;
  std::error_code error;
  fs::rename(draft.directory_, place, error);
  if (error) return fail(error.value(), fmt::format("keeping the snapshot: {}", error.message()));
  draft.directory_.clear();
  FCVM_TRY(sync_directory(directory_));
  Snapshot kept{manifest, place};
  // Nobody comes in between: whoever removes one has the store's lock.
  { const auto alone = std::move(draft.lock_); }
  auto own = FCVM_TRY(use(kept));
  return Kept{std::move(kept), std::move(own)};
}

Result<Snapshot> Store::load(const std::string& id) const {
  const auto directory = directory_ / id;
  const auto text =
      FCVM_TRY(base::read_file((directory / Manifest::kFile).string(), kLongestManifest));
  auto manifest = FCVM_TRY(manifest_from_json(text));
  if (manifest.id == id) return Snapshot{std::move(manifest), directory};
  return fail(EPROTO, "it says that it is snapshot " + manifest.id);
}

Result<std::vector<Snapshot>> Store::all() const {
  std::vector<Snapshot> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory_, error)) {
    const auto id = entry.path().filename().string();
    if (!vm::is_id(id)) continue;
    auto snapshot = load(id);
    if (snapshot) {
      found.push_back(*std::move(snapshot));
    } else if (snapshot.error().code() != ENOENT || entry.exists(error)) {
      log::warning("snapshot", "the manifest of snapshot {}: {}", id, snapshot.error().message());
    }
  }
  std::sort(found.begin(), found.end(), [](const Snapshot& one, const Snapshot& other) {
    return std::pair(one.manifest.created_ns, one.manifest.id) <
           std::pair(other.manifest.created_ns, other.manifest.id);
  });
  return found;
}

Result<Snapshot> Store::find(std::string_view word) const {
  if (vm::is_id(word) && fs::exists(directory_ / word)) {
    auto whole = load(std::string(word));
    if (whole) return whole;
    return fail(EBADMSG, fmt::format("snapshot {} is damaged: {}", word, whole.error().message()),
                fmt::format("fcvm snapshot rm {} removes it", word));
  }
  std::vector<Snapshot> meant;
  for (auto& snapshot : FCVM_TRY(all())) {
    if (snapshot.manifest.tag == word) return std::move(snapshot);
    if (!word.empty() && snapshot.manifest.id.starts_with(word)) {
      meant.push_back(std::move(snapshot));
    }
  }
  if (meant.size() == 1) return std::move(meant.front());
  if (meant.empty()) return fail(ENOENT, fmt::format("there is no snapshot {}", word), kAll);
  return fail(EINVAL,
              fmt::format("{} snapshots have an id that begins with {}", meant.size(), word), kAll);
}

bool Store::is_used(const Snapshot& snapshot) const {
  const auto alone = base::FileLock::acquire((snapshot.directory / vm::kSnapshotLock).string(),
                                             base::Deadline::in(std::chrono::seconds(0)));
  return !alone && alone.error().code() == ETIMEDOUT;
}

Result<base::FileLock> Store::use(const Snapshot& snapshot) const {
  return base::FileLock::acquire((snapshot.directory / vm::kSnapshotLock).string(),
                                 base::Deadline::in(kUseLimit), base::FileLock::Mode::kShared) |
         context("using snapshot " + snapshot.manifest.name());
}

/// In two steps: it is gone at once for all who look.
Result<void> Store::remove_directory(const fs::path& of) const {
  const auto name = std::string(kRemoved) + of.filename().string();
  std::error_code error;
  fs::rename(of, directory_ / name, error);
  if (error)
    return fail(error.value(), fmt::format("removing {}: {}", of.string(), error.message()));
  return base::remove_tree((directory_ / name).string());
}

Result<void> Store::remove(const Snapshot& snapshot, bool even_used) const {
  const auto turn = FCVM_TRY(lock());
  if (even_used) return remove_directory(snapshot.directory);
  const auto alone = base::FileLock::acquire((snapshot.directory / vm::kSnapshotLock).string(),
                                             base::Deadline::in(std::chrono::seconds(0)));
  if (alone) return remove_directory(snapshot.directory);
  return fail(EBUSY, fmt::format("snapshot {} is used", snapshot.manifest.name()),
              "end its clones first: fcvm inspect shows the snapshot of each");
}

Result<void> Store::remove_damaged(const std::string& id) const {
  const auto turn = FCVM_TRY(lock());
  if (vm::is_id(id) && fs::exists(directory_ / id)) return remove_directory(directory_ / id);
  return fail(ENOENT, fmt::format("there is no snapshot {}", id), kAll);
}

bool Store::is_left_over(const fs::path& entry) const {
  const auto name = entry.filename().string();
  if (name.starts_with(kRemoved)) return true;
  const bool is_draft = name.starts_with(kMaking);
  if (!is_draft && !vm::is_id(name)) return false;
  if (!is_draft) {
    const auto snapshot = load(name);
    if (!snapshot || snapshot->manifest.kind != Manifest::kFork) return false;
  }
  return !is_used({{}, entry});
}

Result<std::vector<std::string>> Store::collect(bool dry_run) const {
  std::vector<std::string> gone;
  if (!fs::exists(directory_)) return gone;
  const auto turn = FCVM_TRY(lock());
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory_, error)) {
    if (!is_left_over(entry.path())) continue;
    const auto name = entry.path().filename().string();
    if (!dry_run) FCVM_TRY(base::remove_tree(entry.path().string()));
    gone.push_back(name.substr(name.find('-') + 1));
  }
  return gone;
}

Result<void> check_files(const Snapshot& snapshot) {
  for (const auto& file : snapshot.manifest.files) {
    [[maybe_unused]] const Fd opened = FCVM_TRY(check_file(snapshot, file));
  }
  return {};
}

Result<void> verify(const Snapshot& snapshot) {
  for (const auto& file : snapshot.manifest.files) {
    const Fd opened = FCVM_TRY(check_file(snapshot, file));
    if (file.digest.empty()) continue;
    const auto digest = FCVM_TRY(content_digest(opened.get()) | context("reading " + file.name));
    if (digest != file.digest) return damaged(snapshot, file.name + " is not what it was");
  }
  return {};
}

}  // namespace fcvm::snapshot
