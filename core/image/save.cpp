#include "core/image/save.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/core.h>

#include <fcvm/image.h>

#include "core/base/io/fd.hpp"
#include "core/base/io/file.hpp"
#include "core/base/printable.hpp"
#include "core/base/process/program.hpp"
#include "core/base/process/spawn.hpp"

namespace fcvm::image {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLastWords = 1000;
constexpr std::size_t kLargestSaying = 1 << 16;
constexpr std::chrono::milliseconds kWaitPiece{100};

/// As root in the guest, with the image's id. Holes of the image's files are zeros in an archive,
/// so the disk for it may be too small for what the store holds. podman's own storage is empty
/// here, and on a tmpfs: an overlay over the guest's root, which is one, is refused.
constexpr const char* kScript = R"sh(set -eo pipefail
stores=()
for disk in /dev/disk/by-id/virtio-store*; do
  at=/run/fcvm/saved/${disk##*-}
  mkdir -p "$at"
  mount -t ext4 -o ro,noload "$disk" "$at"
  stores+=(--storage-opt "additionalimagestore=$at")
done
podman --root /run/fcvm/saving-root --runroot /run/fcvm/saving --storage-driver overlay "${stores[@]}" \
  save --quiet --format docker-archive "$1" |
  LC_ALL=C dd of=/dev/disk/by-id/virtio-archive bs=1M iflag=fullblock conv=fsync 2>/run/fcvm/copied ||
  { grep -v -e records -e copied /run/fcvm/copied >&2; exit 1; }
sed -n 's/^\([0-9]*\) bytes.*/bytes \1/p' /run/fcvm/copied
)sh";

std::uint64_t size_of(const std::string& file) {
  struct stat status {};
  return ::stat(file.c_str(), &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

std::string last_words(const std::string& errors) {
  std::string words = errors.substr(errors.size() - std::min(errors.size(), kLastWords));
  while (words.ends_with('\n')) words.pop_back();
  return base::printable(words, base::Newlines::kIndented);
}

/// What the command says, as far as it counts.
class Sayings {
 public:
  bool hear(std::uint32_t source, std::string_view bytes) {
    std::string& text = source == FCVM_OUTPUT_STDOUT ? output_ : errors_;
    text += bytes;
    if (text.size() > kLargestSaying) text.erase(0, text.size() - kLargestSaying);
    return true;
  }
  /// The guest's word, so it counts up to what there is.
  [[nodiscard]] Result<std::uint64_t> length(std::uint64_t most) const {
    constexpr std::string_view kWord = "bytes ";
    const auto at = output_.rfind(kWord);
    std::uint64_t length = 0;
    if (at != std::string::npos) {
      std::from_chars(output_.data() + at + kWord.size(), output_.data() + output_.size(), length);
    }
    if (length != 0 && length <= most) return length;
    return fail(EPROTO, "the builder VM does not say how long the archive is");
  }
  [[nodiscard]] const std::string& errors() const { return errors_; }

 private:
  std::string output_, errors_;
};

/// Makes an archive without a name of what is kept as stores.
Result<void> pack(const vm::ImageSource::Image& image, const std::string& archive,
                  plugin::BuilderService& builder, const Call& call) {
  plugin::BuilderService::Build build;
  build.arguments = {"/bin/bash", "-c", kScript, "bash", image.id};
  std::uint64_t room = 1ULL << 30;
  for (std::size_t i = 0; i < image.disks.size(); ++i) {
    build.disks.push_back({fmt::format("store{}", i), image.disks[i].path, true, false});
    room += 4 * size_of(image.disks[i].path);
  }
  build.disks.push_back({"archive", archive, false, true});
  const Fd file = FCVM_TRY(base::open_file(archive, O_RDWR | O_CREAT | O_EXCL, 0600));
  if (::ftruncate(file.get(), static_cast<off_t>(room)) != 0)
    return fail_errno("making " + archive);
  Sayings sayings;
  const int code =
      FCVM_TRY(builder.run(build, call, [&](std::uint32_t source, std::string_view text) {
        return sayings.hear(source, text);
      }));
  if (code != 0) return fail(EIO, "packing the image failed: " + last_words(sayings.errors()));
  const std::uint64_t length = FCVM_TRY(sayings.length(room));
  if (::ftruncate(file.get(), static_cast<off_t>(length)) == 0) return {};
  return fail_errno("cutting " + archive + " to its length");
}

/// Where the image lies in an archive.
Result<std::string> archive_of(const SaveRequest& request, const BuildDirectory& directory,
                               plugin::BuilderService& builder, const Call& call) {
  const auto& image = request.image;
  if (image.how == FCVM_GUEST_LOAD_ARCHIVE && image.disks.size() == 1) {
    return image.disks.front().path;
  }
  if (image.how != FCVM_GUEST_MOUNT_STORE) {
    return fail(ENOTSUP, "the image is kept in a way that this fcvm cannot save",
                "fcvm image ls --json shows the plugin that keeps it");
  }
  auto archive = (directory.path() / "archive.tar").string();
  FCVM_TRY(pack(image, archive, builder, call));
  return archive;
}

}  // namespace

Result<void> save(const SaveRequest& request, const BuildDirectory& directory,
                  plugin::BuilderService& builder, const Call& call) {
  base::SpawnOptions skopeo;
  skopeo.program = base::find_program("skopeo");
  if (skopeo.program.empty()) {
    return fail(ENOENT, "skopeo, which writes archives, is not installed", "apt install skopeo");
  }
  const std::string from = FCVM_TRY(archive_of(request, directory, builder, call));
  std::string to = request.format + ":" + request.to.string();
  if (!request.name.empty()) to += ":" + request.name;
  // A file that was fetched says itself what it is; any policy was asked then.
  skopeo.argv = {"skopeo", "--insecure-policy", "copy", "--quiet", "docker-archive:" + from, to};
  const std::string sayings = directory.path() / "skopeo.log";
  const Fd log = FCVM_TRY(base::open_file(sayings, O_RDWR | O_CREAT | O_EXCL | O_APPEND, 0600));
  skopeo.stdin_fd = base::kDevNull;
  skopeo.stdout_fd = base::kDevNull;
  skopeo.stderr_fd = log.get();
  base::Child child = FCVM_TRY(base::spawn(skopeo));
  for (;;) {
    FCVM_TRY(call.check());  // leaving kills it
    const auto status = child.wait(base::Deadline::in(kWaitPiece));
    if (!status && status.error().code() == ETIMEDOUT) continue;
    if (!status) return unexpected(status.error());
    if (status->success()) return {};
    const auto said = base::read_file(sayings, kLargestSaying);
    return fail(EIO, fmt::format("writing the archive: skopeo {}: {}", status->describe(),
                                 last_words(said ? *said : "")));
  }
}

}  // namespace fcvm::image
