// See cache.hpp: what removes images, and what is left of those that were never whole.
//
// Each image is removed under the locks of whoever would make it, and is forgotten under them, too:
// one that is made a moment later keeps its name.
#include <filesystem>
#include <sys/stat.h>

#include "core/base/io/file.hpp"
#include "plugins/image/common/cache.hpp"
#include "plugins/image/common/work_directory.hpp"

namespace fcvm::archive {

namespace {

void forget(Index& index, const std::set<std::string>& gone) {
  std::erase_if(index.references,
                [&](const auto& row) { return gone.contains(row.second.digest); });
  std::erase_if(index.archives, [&](const auto& row) { return gone.contains(row.first); });
  std::erase_if(index.ids, [&](const auto& row) { return gone.contains(row.first); });
  std::erase_if(index.guests, [&](const auto& row) { return gone.contains(row.first); });
  std::erase_if(index.names, [&](const auto& row) { return gone.contains(row.first); });
}

void forget_files(Index& index) {
  std::erase_if(index.files, [](const auto& row) {
    std::error_code error;
    return !std::filesystem::exists(row.first, error);
  });
}

/// False when somebody uses it, or it is not there.
Result<bool> remove_unused(const std::string& file) {
  const auto unused = FCVM_TRY(Lock::try_existing(file, Lock::Mode::kExclusive));
  if (!unused) return false;
  if (::unlink(file.c_str()) != 0) return fail_errno("removing " + file);
  return true;
}

bool is_there(const std::string& file) { return ::access(file.c_str(), F_OK) == 0; }

}  // namespace

/// Its digests, if it is gone; none when somebody makes or uses it.
Result<std::vector<std::string>> Cache::remove(const std::string& stored, const Call& call) const {
  const auto making = FCVM_TRY(Lock::try_make(making_lock(stored)));
  const auto fetching = FCVM_TRY(Lock::try_make(fetch_lock(stored)));
  if (!making || !fetching) return std::vector<std::string>();
  if (!FCVM_TRY(remove_unused(prepared_by_id(stored)))) return std::vector<std::string>();
  ::unlink(config(stored).c_str());
  std::vector<std::string> digests;
  FCVM_TRY(update(call, [&](Index& now) {
    digests = digests_of(now, stored);
    std::set<std::string> gone(digests.begin(), digests.end());
    gone.insert(stored);
    forget(now, gone);
    forget_files(now);
  }));
  return digests;
}

Result<std::vector<std::string>> Cache::collect(const std::vector<std::string>& unwanted,
                                                const Call& call) const {
  std::set<std::string> images;
  for (const auto& digest : unwanted) {
    const std::string id = is_of_archives() ? std::string() : id_of(digest);
    images.insert(id.empty() ? digest : id);
  }
  std::vector<std::string> gone;
  for (const auto& image : images) {
    FCVM_TRY(call.check());
    const auto digests = FCVM_TRY(remove(image, call));
    gone.insert(gone.end(), digests.begin(), digests.end());
  }
  FCVM_TRY(remove_litter(call));
  return gone;
}

Result<void> Cache::remove_litter(const Call& call) const {
  FCVM_TRY(WorkDirectory::sweep(path_));
  if (!is_of_archives()) FCVM_TRY(remove_halves(call));
  // A lock that can be had is nobody's, and goes with the object that had it.
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(path_, error)) {
    const std::string name = entry.path().filename();
    const bool is_lock = name.ends_with(".making") || name.ends_with(".lock");
    if (is_lock && name != "index.lock") FCVM_TRY(Lock::try_make(entry.path().string()));
  }
  return {};
}

/// Archives that were to become stores, configurations without a store, and the reverse.
Result<void> Cache::remove_halves(const Call& call) const {
  for (const auto& digest : FCVM_TRY(stored(kArchive))) {
    FCVM_TRY(call.check());
    const auto fetching = FCVM_TRY(Lock::try_make(fetch_lock(digest)));
    if (fetching) FCVM_TRY(remove_unused(archive(digest)));
  }
  std::set<std::string> ids = FCVM_TRY(stored(suffix_));
  ids.merge(FCVM_TRY(stored(".json")));
  for (const auto& id : ids) {
    FCVM_TRY(call.check());
    const auto making = FCVM_TRY(Lock::try_make(making_lock(id)));
    if (!making || (is_there(prepared_by_id(id)) && is_there(config(id)))) continue;
    FCVM_TRY(remove_unused(prepared_by_id(id)));
    if (!is_there(prepared_by_id(id))) ::unlink(config(id).c_str());
  }
  return {};
}

}  // namespace fcvm::archive
