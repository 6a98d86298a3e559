// See store.hpp.
//
// A store is made in a work directory and moved to its name when it is whole and on the disk. The
// archive stays until then, so that whoever is killed while unpacking need not fetch again.
#include "plugins/image/overlay/store.hpp"

#include <unistd.h>

#include "core/base/io/file.hpp"
#include "plugins/image/common/archive_check.hpp"
#include "plugins/image/common/fetch.hpp"
#include "plugins/image/common/work_directory.hpp"
#include "plugins/image/overlay/build.hpp"

namespace fcvm::overlay {
namespace {

using archive::Cache;
using archive::Lock;

/// Says so when another process has it, which may take as long as making it does.
Result<Lock> lock_making(const Host& host, const Cache& cache, const archive::Wanted& wanted,
                         const std::string& digest, const Call& call) {
  const std::string path = cache.making_lock(digest);
  if (auto lock = FCVM_TRY(Lock::try_make(path))) return *std::move(lock);
  const auto progress = host.progress("another fcvm prepares " + wanted.reference.name, 0, "");
  return Lock::make(path, call);
}

/// The configuration first: a store without it is none.
Result<Lock> make_store(const Host& host, const Cache& cache, const archive::Wanted& wanted,
                        const std::string& digest, const Lock& archive, const Call& call) {
  FCVM_TRY(archive::WorkDirectory::sweep(cache.path()));
  const std::string config = FCVM_TRY(archive::read_archive(archive.fd(), call));
  const auto work = FCVM_TRY(archive::WorkDirectory::create(cache.path()));
  const std::string store = work.path() + "/store" + kSuffix;
  FCVM_TRY(build_store(host, wanted.reference.name, cache.archive(digest), store, call));
  FCVM_TRY(base::write_file_atomic(cache.config(digest), config, 0600));
  return cache.publish(store, cache.prepared(digest));
}

/// The archive has done its work. Whoever else reads it keeps it.
Result<void> drop_archive(const Cache& cache, const std::string& digest) {
  const auto unused = FCVM_TRY(Lock::try_existing(cache.archive(digest), Lock::Mode::kExclusive));
  if (unused && ::unlink(cache.archive(digest).c_str()) != 0) {
    return fail_errno("removing " + cache.archive(digest));
  }
  return {};
}

}  // namespace

Result<Lock> ensure_store(const Host& host, const archive::Skopeo& skopeo, const Cache& cache,
                          const archive::Wanted& wanted, const std::string& digest,
                          const Call& call) {
  if (auto held = FCVM_TRY(cache.hold_prepared(digest))) return *std::move(held);
  const Lock making = FCVM_TRY(lock_making(host, cache, wanted, digest, call));
  if (auto held = FCVM_TRY(cache.hold_prepared(digest))) return *std::move(held);
  auto made = [&]() -> Result<Lock> {
    const Lock archive =
        FCVM_TRY(archive::ensure_archive(host, skopeo, cache, wanted, digest, call));
    return make_store(host, cache, wanted, digest, archive, call);
  }();
  if (!made) return made;
  if (auto dropped = drop_archive(cache, digest); !dropped) {
    host.warning(dropped.error().message());
  }
  return made;
}

}  // namespace fcvm::overlay
