// See store.hpp.
//
// A store is made in a work directory and moved to its name when it is whole and on the disk. The
// archive stays until then, so that whoever is killed while unpacking need not fetch again.
#include "plugins/image/common/store.hpp"

#include <fcntl.h>
#include <optional>
#include <string>
#include <unistd.h>

#include "core/base/io/clone_file.hpp"
#include "core/base/io/file.hpp"
#include "core/digest/sha256.hpp"
#include "plugins/image/common/archive.hpp"
#include "plugins/image/common/fetch.hpp"
#include "plugins/image/common/podman_store.hpp"
#include "plugins/image/common/request.hpp"
#include "plugins/image/common/work_directory.hpp"

namespace fcvm::archive {
namespace {

/// Says so when another process has it, which may take as long as making it does.
Result<Lock> lock_making(const Host& host, const Cache& cache, const Wanted& wanted,
                         const std::string& id, const Call& call) {
  const std::string path = cache.making_lock(id);
  if (auto lock = FCVM_TRY(Lock::try_make(path))) return *std::move(lock);
  const auto progress = host.progress("another fcvm prepares " + wanted.reference.name, 0, "");
  return Lock::make(path, call);
}

std::string id_of_config(const std::string& config) { return "sha256:" + digest::sha256(config); }

/// The configuration first: a store without it is none.
Result<Lock> make_store(const Host& host, const StoreKind& kind, const Cache& cache,
                        const Wanted& wanted, const std::string& digest, const Lock& archive,
                        const Call& call) {
  FCVM_TRY(WorkDirectory::sweep(cache.path()));
  const std::string config = FCVM_TRY(config_in(archive.fd(), call));
  const std::string id = id_of_config(config);
  const std::string name = source_of(wanted.reference, digest).name;
  const auto work = FCVM_TRY(WorkDirectory::create(cache.path()));
  const std::string store = work.path() + "/store" + std::string(kind.suffix);
  FCVM_TRY(build_store(host, kind, {name, id}, cache.archive(digest), store, call));
  FCVM_TRY(base::write_file_atomic(cache.config(id), config, 0600));
  return cache.publish(store, cache.prepared_by_id(id));
}

/// The archive has done its work. Whoever else reads it keeps it.
Result<void> drop_archive(const Cache& cache, const std::string& digest) {
  const auto unused = FCVM_TRY(Lock::try_existing(cache.archive(digest), Lock::Mode::kExclusive));
  if (unused && ::unlink(cache.archive(digest).c_str()) != 0) {
    return fail_errno("removing " + cache.archive(digest));
  }
  return {};
}

Result<std::optional<Lock>> hold_by_id(const Cache& cache, const std::string& id) {
  return Lock::try_existing(cache.prepared_by_id(id), Lock::Mode::kShared);
}

/// Whether what this guest's programs recorded in the store is there. A host that does not say
/// which guest it has gets what there is.
bool is_of_this_guest(const StoreKind& kind, const Index& index, const std::string& id,
                      const Result<std::string>& guest) {
  if (std::string_view(kind.record).empty() || !guest) return true;
  const auto made = index.guests.find(id);
  return made != index.guests.end() && made->second == *guest;
}

/// Beside the old one, which VMs may have, and then in its place. One that cannot be refreshed is
/// used as it is, and not tried again.
Result<Lock> refresh(const Host& host, const StoreKind& kind, const Cache& cache,
                     const Wanted& wanted, const std::string& id, Lock old, const Call& call) {
  const Lock making = FCVM_TRY(lock_making(host, cache, wanted, id, call));
  const auto guest = host.builder_guest();
  if (is_of_this_guest(kind, cache.index(), id, guest)) {
    auto held = FCVM_TRY(hold_by_id(cache, id));
    if (held) return *std::move(held);
    return old;
  }
  auto made = [&]() -> Result<Lock> {
    const auto work = FCVM_TRY(WorkDirectory::create(cache.path()));
    const std::string store = work.path() + "/store" + std::string(kind.suffix);
    {
      const Fd copy = FCVM_TRY(base::open_file(store, O_RDWR | O_CREAT | O_EXCL, 0600));
      FCVM_TRY(base::clone_file(old.fd(), copy.get(), [&](std::uint64_t) { return call.check(); }));
    }
    FCVM_TRY(refresh_store(host, kind, {wanted.reference.name, id}, store, call));
    return cache.publish(store, cache.prepared_by_id(id));
  }();
  if (!made && made.error().code() == ECANCELED) return unexpected(made.error());
  if (!made) host.warning(made.error().message());
  FCVM_TRY(cache.update(call, [&](Index& index) { index.guests[id] = *guest; }));
  if (made) return made;
  return old;
}

/// Fetched and unpacked, unless the image turns out to be one that is there under another digest.
Result<Lock> make_known(const Host& host, const StoreKind& kind, const Skopeo& skopeo,
                        const Cache& cache, const Wanted& wanted, const std::string& digest,
                        const Call& call) {
  const std::string config = FCVM_TRY(read_config(host, skopeo, cache, wanted, digest, call));
  const std::string id = id_of_config(config);
  const Lock making = FCVM_TRY(lock_making(host, cache, wanted, id, call));
  auto held = FCVM_TRY(hold_by_id(cache, id));
  const bool is_new = !held;
  if (!held || wanted.reference.is_file()) {
    const Lock archive = FCVM_TRY(ensure_archive(host, skopeo, cache, wanted, digest, call));
    if (!held) held.emplace(FCVM_TRY(make_store(host, kind, cache, wanted, digest, archive, call)));
  }
  // So that the next one knows which image it is.
  const auto guest = host.builder_guest();
  FCVM_TRY(cache.update(call, [&](Index& index) {
    index.ids[digest] = id;
    if (is_new && guest) index.guests[id] = *guest;
  }));
  if (auto dropped = drop_archive(cache, digest); !dropped) {
    host.warning(dropped.error().message());
  }
  return *std::move(held);
}

}  // namespace

Result<Lock> ensure_store(const Host& host, const StoreKind& kind, const Skopeo& skopeo,
                          const Cache& cache, const Wanted& wanted, const std::string& digest,
                          const Call& call) {
  if (auto held = FCVM_TRY(cache.hold_prepared(digest))) {
    const Index index = cache.index();
    const auto known = index.ids.find(digest);
    const std::string id = known == index.ids.end() ? digest : known->second;
    if (is_of_this_guest(kind, index, id, host.builder_guest())) return *std::move(held);
    return refresh(host, kind, cache, wanted, id, *std::move(held), call);
  }
  return make_known(host, kind, skopeo, cache, wanted, digest, call);
}

}  // namespace fcvm::archive
