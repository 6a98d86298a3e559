// See archive.hpp.
#include "core/snapshot/archive.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <fcntl.h>
#include <span>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#include "core/base/io/fd.hpp"
#include "core/snapshot/content_digest.hpp"
#include "core/vm/model/run_plan_json.hpp"

namespace fcvm::snapshot {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers are written as they lie");

constexpr std::string_view kMagic = "fcvm-snapshot 1\n";
constexpr std::uint32_t kManifestPiece = UINT32_MAX;
constexpr std::uint32_t kLongestPiece = 1 << 20;
constexpr std::uint32_t kLongestManifest = 4 << 20;

struct Head {
  std::uint32_t file = 0;
  std::uint32_t length = 0;
  std::uint64_t offset = 0;
};
static_assert(sizeof(Head) == 16);

Unexpected broken(const std::string& why) {
  return fail(EBADMSG, "the archive is not whole: " + why, "export the snapshot again");
}

Result<void> write_piece(int to, const Head& head, std::string_view bytes) {
  char raw[sizeof head];
  std::memcpy(raw, &head, sizeof head);
  FCVM_TRY(base::write_all(to, {raw, sizeof raw}));
  return base::write_all(to, bytes);
}

Result<std::string> read_bytes(int from, std::size_t size) {
  std::string bytes(size, '\0');
  auto done = base::read_exact(from, bytes);
  if (done) return bytes;
  if (done.error().code() == ENODATA) return broken("it ends early");
  return unexpected(std::move(done).error());
}

Result<Head> read_head(int from) {
  const auto raw = FCVM_TRY(read_bytes(from, sizeof(Head)));
  Head head;
  std::memcpy(&head, raw.data(), sizeof head);
  return head;
}

/// From `at` to `end` there is data.
Result<void> write_stretch(int from, int to, std::uint32_t number, off_t at, off_t end) {
  std::vector<char> bytes(kLongestPiece);
  while (at < end) {
    const auto wanted = static_cast<std::size_t>(std::min<off_t>(end - at, kLongestPiece));
    const ssize_t count = ::pread(from, bytes.data(), wanted, at);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail_errno("reading it");
    if (count == 0) return fail(ESTALE, "it became shorter meanwhile");
    const auto length = static_cast<std::uint32_t>(count);
    FCVM_TRY(
        write_piece(to, {number, length, static_cast<std::uint64_t>(at)}, {bytes.data(), length}));
    at += count;
  }
  return {};
}

Result<void> write_file(int from, int to, std::uint32_t number, off_t size) {
  for (off_t at = 0; at < size;) {
    const off_t data = ::lseek(from, at, SEEK_DATA);
    if (data < 0 && errno == ENXIO) return {};  // a hole to the end
    if (data < 0) return fail_errno("looking for data");
    const off_t hole = ::lseek(from, data, SEEK_HOLE);
    if (hole < 0) return fail_errno("looking for a hole");
    FCVM_TRY(write_stretch(from, to, number, data, hole));
    at = hole;
  }
  return {};
}

Result<Fd> open_file_of(const Snapshot& snapshot, const File& file) {
  return base::open_file((snapshot.directory / file.name).string(), O_RDONLY | O_NOFOLLOW);
}

/// Which says what shared files have, too.
Result<Manifest> full_manifest(const Snapshot& snapshot) {
  Manifest manifest = snapshot.manifest;
  for (auto& file : manifest.files) {
    if (!file.digest.empty()) continue;
    const Fd opened = FCVM_TRY(open_file_of(snapshot, file));
    file.digest = FCVM_TRY(content_digest(opened.get()) | context("reading " + file.name));
  }
  return manifest;
}

/// Whoever made an archive decides nothing about what is open on this host, or where names are
/// resolved: its user does, with each clone's options.
Result<std::string> humble_plan(const std::string& json) {
  auto plan = FCVM_TRY(vm::plan_from_json(json));
  vm::NetworkPlan humble;
  humble.plugin = plan.network.plugin;
  humble.mac = plan.network.mac;
  humble.ipv4 = plan.network.ipv4;
  humble.ipv6 = plan.network.ipv6;
  humble.ipv6_prefix = plan.network.ipv6_prefix;
  humble.mtu = plan.network.mtu;
  plan.network = std::move(humble);
  return vm::plan_to_json(plan);
}

Result<Manifest> read_manifest(int from) {
  const auto magic = FCVM_TRY(read_bytes(from, kMagic.size()));
  if (magic != kMagic) return fail(EBADMSG, "this is no snapshot that fcvm has exported");
  const Head head = FCVM_TRY(read_head(from));
  if (head.file != kManifestPiece || head.length > kLongestManifest) {
    return broken("it does not begin with its manifest");
  }
  const auto text = FCVM_TRY(read_bytes(from, head.length));
  auto manifest = FCVM_TRY(manifest_from_json(text) | context("the archive's manifest"));
  for (const auto& file : manifest.files) {
    if (file.digest.empty()) return broken(file.name + " has no digest");
  }
  manifest.plan = FCVM_TRY(humble_plan(manifest.plan) | context("the archive's manifest"));
  manifest.kind = Manifest::kUser;
  manifest.recipe.clear();
  return manifest;
}

Result<std::vector<Fd>> make_files(const Draft& draft, const Manifest& manifest) {
  std::vector<Fd> files;
  for (const auto& file : manifest.files) {
    const auto path = (draft.directory() / file.name).string();
    files.push_back(FCVM_TRY(base::open_file(path, O_RDWR | O_CREAT | O_EXCL, 0600)));
    if (::ftruncate(files.back().get(), static_cast<off_t>(file.size)) != 0) {
      return fail_errno("making " + path);
    }
  }
  return files;
}

Result<void> put(int file, std::string_view bytes, std::uint64_t offset) {
  while (!bytes.empty()) {
    const ssize_t count = ::pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail_errno("writing the snapshot");
    bytes.remove_prefix(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
  return {};
}

Result<void> read_files(int from, const Manifest& manifest, const std::vector<Fd>& files) {
  for (;;) {
    const Head head = FCVM_TRY(read_head(from));
    if (head.length == 0) return {};
    if (head.file >= files.size() || head.length > kLongestPiece) return broken("a piece is none");
    const auto size = manifest.files[head.file].size;
    if (head.offset > size || head.length > size - head.offset) {
      return broken("a piece lies outside of its file");
    }
    const auto bytes = FCVM_TRY(read_bytes(from, head.length));
    FCVM_TRY(put(files[head.file].get(), bytes, head.offset));
  }
}

Result<void> compare(const Manifest& manifest, const std::vector<Fd>& files) {
  for (std::size_t i = 0; i < files.size(); ++i) {
    const auto digest = FCVM_TRY(content_digest(files[i].get()));
    if (digest != manifest.files[i].digest) {
      return broken(manifest.files[i].name + " is not what it was");
    }
  }
  return {};
}

}  // namespace

Result<void> write_archive(const Snapshot& snapshot, int to) {
  FCVM_TRY(check_files(snapshot));
  const Manifest manifest = FCVM_TRY(full_manifest(snapshot));
  FCVM_TRY(base::write_all(to, kMagic));
  const std::string text = to_json(manifest);
  FCVM_TRY(write_piece(to, {kManifestPiece, static_cast<std::uint32_t>(text.size()), 0}, text));
  for (std::size_t i = 0; i < manifest.files.size(); ++i) {
    const File& file = manifest.files[i];
    const Fd from = FCVM_TRY(open_file_of(snapshot, file));
    FCVM_TRY(
        write_file(from.get(), to, static_cast<std::uint32_t>(i), static_cast<off_t>(file.size)) |
        context("writing " + file.name));
  }
  return write_piece(to, {}, {});
}

Result<Snapshot> read_archive(const Store& store, int from, const std::string& tag) {
  Manifest manifest = FCVM_TRY(read_manifest(from));
  if (!tag.empty()) manifest.tag = tag;
  FCVM_TRY(store.check_free(manifest.tag));
  Draft draft = FCVM_TRY(store.begin());
  manifest.id = draft.id();
  manifest.uid = ::geteuid();
  const auto files = FCVM_TRY(make_files(draft, manifest));
  FCVM_TRY(read_files(from, manifest, files));
  FCVM_TRY(compare(manifest, files));
  return FCVM_TRY(store.keep(std::move(draft), manifest)).snapshot;
}

}  // namespace fcvm::snapshot
