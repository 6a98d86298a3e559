// See fetch.hpp.
//
// An archive is made in a work directory, flushed, locked and moved to its name, so that the name
// stands for a whole archive at any moment.
#include "plugins/image/common/fetch.hpp"

#include <algorithm>
#include <filesystem>
#include <sys/stat.h>

#include <fcvm/image.h>

#include "core/base/io/clone_file.hpp"
#include "core/base/io/file.hpp"
#include "core/digest/sha256.hpp"
#include "plugins/image/common/archive.hpp"
#include "plugins/image/common/members.hpp"
#include "plugins/image/common/podman_store.hpp"
#include "plugins/image/common/unpack.hpp"
#include "plugins/image/common/work_directory.hpp"

namespace fcvm::archive {

namespace {

constexpr std::uint64_t kSector = 512;

Result<std::uint64_t> size_of(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return fail_errno("looking at the archive");
  return static_cast<std::uint64_t>(status.st_size);
}

/// skopeo writes a layer to its scratch directory and then into the archive: what lies in both is
/// one layer, so it counts as what the archive had plus the scratch, until the archive has more.
class Growth {
 public:
  Growth(std::string archive, std::string scratch)
      : archive_(std::move(archive)), scratch_(std::move(scratch)) {}

  std::uint64_t bytes() {
    std::error_code error;
    const auto size = std::filesystem::file_size(archive_, error);
    const std::uint64_t archived = error ? 0 : size;
    const std::uint64_t scratched = in_scratch();
    if (scratched == 0) settled_ = archived;
    most_ = std::max({most_, archived, settled_ + scratched});
    return most_;
  }

 private:
  [[nodiscard]] std::uint64_t in_scratch() const {
    std::uint64_t sum = 0;
    std::error_code error;
    for (std::filesystem::directory_iterator at(scratch_, error), end; !error && at != end;
         at.increment(error)) {
      std::error_code gone;  // skopeo removes its files as it goes
      const auto size = at->file_size(gone);
      if (!gone) sum += size;
    }
    return sum;
  }

  std::string archive_;
  std::string scratch_;
  std::uint64_t settled_ = 0;
  std::uint64_t most_ = 0;
};

/// As they are normalised, and nothing that stands for one image for ever, as an id does; no more
/// than a person gives, since they are kept.
std::vector<std::string> names_to_keep(const Archive& archive) {
  constexpr std::size_t kMost = 64;
  std::vector<std::string> names;
  for (const auto& name : archive.names()) {
    const auto reference = parse_reference(name, "docker.io");
    if (!reference || reference->tag.empty() || names.size() == kMost) continue;
    names.push_back(reference->name);
  }
  return names;
}

/// What was found in the archive in the work directory.
struct Taken {
  std::string id;
  std::vector<std::string> names;
};

class Fetch {
 public:
  Fetch(const Host& host, const Skopeo& skopeo, const Cache& cache, const Wanted& wanted,
        const std::string& digest, const Call& call)
      : host_(host),
        skopeo_(skopeo),
        cache_(cache),
        wanted_(wanted),
        source_(source_of(wanted.reference, digest)),
        digest_(digest),
        call_(call) {}

  Result<Lock> run() {
    FCVM_TRY(WorkDirectory::sweep(cache_.path()));
    const auto work = FCVM_TRY(WorkDirectory::create(cache_.path()));
    auto progress = host_.progress("fetching " + source_.name, 0, "bytes");
    const Taken taken =
        FCVM_TRY(wanted_.reference.is_file() ? take_file(work.path(), progress)
                                             : copy_by_skopeo(source_, work.path(), progress));
    Lock held = FCVM_TRY(store(archive_in(work.path()), taken));
    progress.succeeded();
    return held;
  }

 private:
  static std::string archive_in(const std::string& work) { return work + "/archive.tar"; }

  static Unexpected changed() {
    return fail(ESTALE, "the image changed meanwhile", "run the command again");
  }

  /// A copy, since its owner may change the file at any time: the digest is of what was copied.
  Result<Taken> take_file(const std::string& work, Host::Progress& progress) {
    Reference given = wanted_.reference;
    given.copy = work + "/given";
    const Fd copy = FCVM_TRY(base::open_file(given.copy, O_RDWR | O_CREAT | O_EXCL, 0600));
    const Fd from = FCVM_TRY(base::open_regular_file(given.path));
    FCVM_TRY(base::clone_file(from.get(), copy.get(), [&](std::uint64_t done) {
      progress.update(done);
      return call_.check();
    }));
    const auto content =
        FCVM_TRY(digest::sha256_of_file(copy.get(), [&] { return call_.check(); }));
    if (digest_of_file(given, "sha256:" + content) != digest_) return changed();
    if (given.transport != Transport::kDockerArchive || !given.selector.empty()) {
      return copy_by_skopeo(given, work, progress);
    }
    const tar::Compression* packed = compression_of(copy.get());
    if (packed == nullptr) return take_archive(copy, given, work, progress);
    given.copy = work + "/unpacked";
    const Fd unpacked = FCVM_TRY(base::open_file(given.copy, O_RDWR | O_CREAT | O_EXCL, 0600));
    const std::uint64_t room = FCVM_TRY(room_for_archive(unpacked.get()));
    FCVM_TRY(unpack(host_, *packed, copy.get(), unpacked.get(),
                    std::min(room, skopeo_.largest_archive()), call_));
    return take_archive(unpacked, given, work, progress);
  }

  /// skopeo unpacks layers, follows links, and says what is wrong.
  Result<Taken> take_archive(const Fd& archive, const Reference& given, const std::string& work,
                             Host::Progress& progress) {
    if (FCVM_TRY(is_tar(archive.get()))) {
      const auto found = FCVM_TRY(Archive::open(archive.get(), call_));
      auto names = names_to_keep(found);
      const Fd to = FCVM_TRY(base::open_file(archive_in(work), O_WRONLY | O_CREAT | O_EXCL, 0600));
      if (FCVM_TRY(found.write_anew(to.get(), names, call_))) {
        return Taken{found.id(), std::move(names)};
      }
      if (::unlink(archive_in(work).c_str()) != 0) return fail_errno("removing an archive");
    }
    return copy_by_skopeo(given, work, progress);
  }

  Result<Taken> copy_by_skopeo(const Reference& from, const std::string& work,
                               Host::Progress& progress) {
    const std::string file = archive_in(work);
    const std::string scratch = work + "/scratch";
    FCVM_TRY(base::make_directories(scratch, 0700));
    Growth growth(file, scratch);
    const Fd directory = FCVM_TRY(base::open_file(scratch, O_RDONLY | O_DIRECTORY));
    const std::uint64_t most =
        std::min(FCVM_TRY(room_for_archive(directory.get())), skopeo_.largest_archive());
    FCVM_TRY(skopeo_.copy(from, digest_, file, scratch, call_, [&]() -> Result<void> {
      const std::uint64_t bytes = growth.bytes();
      progress.update(bytes);
      if (bytes <= most) return {};
      return fail(EFBIG, "the image has more than " + std::to_string(most >> 20) + " MiB",
                  "make room, or raise plugin.\"" + skopeo_.plugin() + "\".largest-archive");
    }));
    const Fd made = FCVM_TRY(base::open_file(file, O_RDONLY) | context("skopeo left no archive"));
    const auto found = FCVM_TRY(Archive::open(made.get(), call_));
    if (FCVM_TRY(found.has_its_layers(call_))) return Taken{found.id(), names_to_keep(found)};
    return fail(EBADMSG, "the layers are not those that the image's configuration names",
                "whoever made the image has to make it anew");
  }

  Result<Lock> store(const std::string& file, const Taken& taken) {
    const Fd made = FCVM_TRY(base::open_file(file, O_RDWR));
    const std::uint64_t length = FCVM_TRY(size_of(made.get()));
    const std::uint64_t padded = (length + kSector - 1) / kSector * kSector;
    if (padded != length && ::ftruncate(made.get(), static_cast<off_t>(padded)) != 0) {
      return fail_errno("padding the archive");
    }
    if (wanted_.reference.is_directory() && taken.id != digest_) return changed();
    FCVM_TRY(cache_.update(call_, [&](Index& index) {
      index.archives[digest_] = length;
      index.ids[digest_] = taken.id;
      // A registry's image has the name by which it was asked for.
      const bool has_names = wanted_.reference.is_file() && !taken.names.empty();
      if (has_names) index.names[digest_] = taken.names;
    }));
    return cache_.publish(file, cache_.archive(digest_));
  }

  const Host& host_;
  const Skopeo& skopeo_;
  const Cache& cache_;
  const Wanted& wanted_;
  const Reference source_;
  const std::string& digest_;
  const Call& call_;
};

Unexpected advised(Error error) {
  if (error.code() != ENOSPC && error.code() != EDQUOT) return unexpected(std::move(error));
  return unexpected(std::move(error).remedied_by("free some space: fcvm image prune --all"));
}

}  // namespace

Result<Lock> ensure_archive(const Host& host, const Skopeo& skopeo, const Cache& cache,
                            const Wanted& wanted, const std::string& digest, const Call& call) {
  if (auto held = FCVM_TRY(cache.hold(digest))) return *std::move(held);
  if (source_of(wanted.reference, digest).in_registry() && wanted.pull == FCVM_PULL_NEVER) {
    return never_pulled(wanted.reference);
  }
  const Lock fetching = FCVM_TRY(Lock::make(cache.fetch_lock(digest), call));
  if (auto held = FCVM_TRY(cache.hold(digest))) return *std::move(held);
  auto fetched = Fetch(host, skopeo, cache, wanted, digest, call).run() |
                 context("fetching " + wanted.reference.name);
  if (!fetched) return advised(std::move(fetched).error());
  return fetched;
}

Result<std::string> read_config(const Host& host, const Skopeo& skopeo, const Cache& cache,
                                const Wanted& wanted, const std::string& digest, const Call& call) {
  if (const auto held = FCVM_TRY(cache.hold(digest))) return config_in(held->fd(), call);
  const Reference source = source_of(wanted.reference, digest);
  if (source.in_registry() && wanted.pull == FCVM_PULL_NEVER) return never_pulled(wanted.reference);
  // A local file has to be unpacked for this, so it is kept.
  if (wanted.reference.is_file()) {
    const Lock made = FCVM_TRY(ensure_archive(host, skopeo, cache, wanted, digest, call));
    return config_in(made.fd(), call);
  }
  const auto scratch = FCVM_TRY(WorkDirectory::create(cache.path()));
  return skopeo.config(source, digest, scratch.path(), call);
}

}  // namespace fcvm::archive
