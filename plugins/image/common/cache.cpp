// See cache.hpp.
#include "plugins/image/common/cache.hpp"

#include <algorithm>
#include <array>
#include <climits>
#include <ctime>
#include <filesystem>
#include <set>
#include <sys/stat.h>

#include "core/base/io/file.hpp"
#include "plugins/image/common/reference.hpp"
#include "plugins/image/common/work_directory.hpp"

namespace fcvm::archive {

namespace {

constexpr std::size_t kLargestIndex = 64 << 20;

std::string hex_of(const std::string& digest) { return digest.substr(digest.find(':') + 1); }

/// "sha256:..." of "....tar"; empty for a file of another kind.
std::string digest_from(const std::string& file_name, std::string_view suffix) {
  if (!file_name.ends_with(suffix)) return {};
  std::string digest = "sha256:" + file_name.substr(0, file_name.size() - suffix.size());
  return is_digest(digest) ? digest : std::string();
}

/// FileLock does not know of cancellation, so it is asked for short whiles.
Result<base::FileLock> lock_file(const std::string& path, const Call& call) {
  for (;;) {
    FCVM_TRY(call.check());
    auto lock = base::FileLock::acquire(path, base::Deadline::in(std::chrono::milliseconds(50)));
    if (lock || lock.error().code() != ETIMEDOUT) return lock;
  }
}

}  // namespace

Result<Cache> Cache::open(const Host& host, int directory, std::string_view suffix) {
  std::array<char, PATH_MAX> path{};
  const std::string link = "/proc/self/fd/" + std::to_string(directory);
  const ssize_t length = ::readlink(link.c_str(), path.data(), path.size() - 1);
  struct stat status {};
  if (length < 0 || ::fstat(directory, &status) != 0 || !S_ISDIR(status.st_mode)) {
    return fail(EBADF, "the host gave no cache directory");
  }
  return Cache(host, std::string(path.data(), static_cast<std::size_t>(length)), suffix);
}

std::string Cache::archive(const std::string& digest) const {
  return path_ + "/" + hex_of(digest) + std::string(kArchive);
}

/// An image that has lost its digests is named by its id.
std::string Cache::prepared(const std::string& digest) const {
  const std::string id = is_of_archives() ? std::string() : id_of(digest);
  return prepared_by_id(id.empty() ? digest : id);
}

std::string Cache::prepared_by_id(const std::string& id) const {
  return path_ + "/" + hex_of(id) + suffix_;
}

std::string Cache::config(const std::string& id) const {
  return path_ + "/" + hex_of(id) + ".json";
}

std::string Cache::id_of(const std::string& digest) const {
  const Index known = index();
  const auto found = known.ids.find(digest);
  return found == known.ids.end() ? std::string() : found->second;
}

std::string Cache::fetch_lock(const std::string& digest) const {
  return path_ + "/" + hex_of(digest) + ".lock";
}

std::string Cache::making_lock(const std::string& id) const {
  return path_ + "/" + hex_of(id) + ".making";
}

Result<std::optional<Lock>> Cache::hold(const std::string& digest) const {
  auto held = FCVM_TRY(Lock::try_existing(archive(digest), Lock::Mode::kShared));
  if (!held || !is_cut_short(held->fd(), digest)) return held;
  host_.warning("the cached copy of " + digest + " is cut short, so the image is fetched anew");
  return std::optional<Lock>();
}

/// Less than was stored: its disk lost the rest.
bool Cache::is_cut_short(int file, const std::string& digest) const {
  const Index known = index();
  const auto stored = known.archives.find(digest);
  struct stat status {};
  return stored != known.archives.end() && ::fstat(file, &status) == 0 &&
         static_cast<std::uint64_t>(status.st_size) < stored->second;
}

Result<std::optional<Lock>> Cache::hold_prepared(const std::string& digest) const {
  return Lock::try_existing(prepared(digest), Lock::Mode::kShared);
}

Result<Lock> Cache::publish(const std::string& made, const std::string& name) const {
  const Fd file = FCVM_TRY(base::open_file(made, O_RDONLY));
  if (::fchmod(file.get(), 0444) != 0) return fail_errno("making " + made + " read-only");
  if (::fsync(file.get()) != 0) return fail_errno("flushing " + made + " to disk");
  auto held = FCVM_TRY(Lock::try_existing(made, Lock::Mode::kShared));
  if (!held) return fail(EBUSY, "somebody locked " + made);
  if (::rename(made.c_str(), name.c_str()) != 0)
    return fail_errno("moving " + made + " to " + name);
  const Fd directory = FCVM_TRY(base::open_file(path_, O_RDONLY | O_DIRECTORY));
  if (::fsync(directory.get()) != 0 && errno != EINVAL) {
    return fail_errno("flushing the cache directory to disk");
  }
  return *std::move(held);
}

Result<Index> Cache::read_index() const {
  const auto text = base::read_file(path_ + "/index.json", kLargestIndex);
  if (!text && text.error().code() == ENOENT) return Index();
  if (!text) return unexpected(text.error());
  return Index::from_json(*text);
}

Index Cache::index() const {
  auto index = read_index();
  if (index) return *std::move(index);
  host_.warning("the index of the image cache: " + index.error().message());
  return {};
}

Result<void> Cache::update(const Call& call, const std::function<void(Index&)>& change) const {
  const auto lock = FCVM_TRY(lock_file(path_ + "/index.lock", call));
  const std::string file = path_ + "/index.json";
  auto now = read_index();
  if (!now && now.error().code() != EBADMSG) return unexpected(std::move(now).error());
  if (!now) {
    host_.warning("the index of the image cache is made anew, without names: " +
                  now.error().message() + "; what it was is kept as " + file + ".damaged");
    if (::rename(file.c_str(), (file + ".damaged").c_str()) != 0)
      return fail_errno("naming " + file);
    now = Index();
  }
  change(*now);
  return base::write_file_atomic(file, now->to_json(), 0600);
}

/// The digests or ids that the files of a suffix are named by.
Result<std::set<std::string>> Cache::stored(std::string_view suffix) const {
  std::set<std::string> found;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(path_, error)) {
    const std::string digest = digest_from(entry.path().filename(), suffix);
    if (!digest.empty()) found.insert(digest);
  }
  if (error) return fail(error.value(), "reading " + path_ + ": " + error.message());
  return found;
}

/// What a host may call the image; by its id where no other digest is known any more.
std::vector<std::string> Cache::digests_of(const Index& index, const std::string& stored) const {
  std::vector<std::string> digests;
  if (!is_of_archives()) {
    for (const auto& [digest, id] : index.ids) {
      if (id == stored) digests.push_back(digest);
    }
  }
  if (digests.empty()) digests.push_back(stored);
  return digests;
}

Result<std::vector<ImageEntry>> Cache::list() const {
  std::vector<ImageEntry> entries;
  const Index known = index();
  for (const auto& image : FCVM_TRY(stored(suffix_))) {
    ImageEntry entry;
    // A store without its configuration is none.
    if (!is_of_archives() && ::access(config(image).c_str(), F_OK) != 0) continue;
    entry.digests = digests_of(known, image);
    for (const auto& [key, named] : known.references) {
      if (std::ranges::find(entry.digests, named.digest) == entry.digests.end()) continue;
      auto name = key.substr(0, key.rfind(' '));
      // One for two platforms, where the image is the only one.
      if (std::ranges::find(entry.names, name) == entry.names.end()) {
        entry.names.push_back(std::move(name));
      }
      entry.used_seconds = std::max(entry.used_seconds, named.used);
    }
    struct stat status {};
    if (::stat(prepared_by_id(image).c_str(), &status) != 0) continue;  // removed meanwhile
    entry.stored_bytes = static_cast<std::uint64_t>(status.st_blocks) * 512;
    entries.push_back(std::move(entry));
  }
  return entries;
}

Result<void> Cache::name(const std::string& name, const std::string& digest,
                         const Call& call) const {
  const std::string key = name + " " + FCVM_TRY(Platform::parse("")).text();
  const std::string any_platform = name + " ";
  if (!digest.empty() && ::access(prepared(digest).c_str(), F_OK) != 0) {
    return fail(ENOENT, digest + ": no such image is stored");
  }
  bool found = false;
  FCVM_TRY(update(call, [&](Index& now) {
    if (digest.empty()) {
      found = std::erase_if(now.references, [&](const auto& row) {
                return row.first.starts_with(any_platform);
              }) != 0;
    } else {
      now.references[key] = {digest, std::time(nullptr)};
    }
  }));
  if (digest.empty() && !found) return fail(ENOENT, name + ": no image has this name");
  return {};
}

}  // namespace fcvm::archive
