// See build_store.hpp.
#include "plugins/image/common/build_store.hpp"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <sys/stat.h>
#include <thread>

#include "core/base/io/fd.hpp"
#include "core/base/io/file.hpp"

namespace fcvm::archive {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kMiB = 1 << 20;
constexpr std::uint64_t kBlock = 4096;
/// An image that takes longer means no good: a gigabyte takes four minutes on an emulated CPU.
constexpr auto kLimit = 2h;
constexpr auto kTick = 200ms;
constexpr std::uint64_t kRoomToRecord = 64 * kMiB;

/// As root in the guest, with the image's id and podman's driver, between what a kind does.
///
/// podman holds the driver's directory mounted. Its database and locks for containers are of no use
/// in a store.
constexpr const char* kBefore = R"sh(set -e
archive=/dev/disk/by-id/virtio-archive
disk=/dev/disk/by-id/virtio-store
store=/run/fcvm/building
mkdir -p "$store"
)sh";
constexpr const char* kLoad = R"sh(
podman --root "$store" --runroot /run/fcvm/build-run --storage-driver "$2" \
  load -q -i "$archive" >&2
ids=$(grep -o '"id":"[0-9a-f]*"' "$store/$2-images/images.json")
[ "$ids" = "\"id\":\"$1\"" ] || { echo "it holds another image than $1" >&2; exit 1; }
umount "$store/$2" 2>/dev/null || true
cd "$store"
find . -mindepth 1 -maxdepth 1 ! -name "$2" ! -name "$2-images" ! -name "$2-layers" -exec rm -rf {} +
cd /
)sh";
constexpr const char* kAfter = R"sh(
umount "$store" || { sleep 1; umount "$store"; }
)sh";

std::uint64_t allocated(const std::string& file) {
  struct stat status {};
  return ::stat(file.c_str(), &status) == 0 ? static_cast<std::uint64_t>(status.st_blocks) * 512
                                            : 0;
}

/// Shows how much of the disk is written, while somebody else waits for the builder.
class Ticker {
 public:
  Ticker(Host::Progress& progress, std::string file)
      : progress_(progress), file_(std::move(file)), thread_([this] { run(); }) {}
  Ticker(const Ticker&) = delete;
  Ticker& operator=(const Ticker&) = delete;
  ~Ticker() {
    ended_ = true;
    thread_.join();
  }

 private:
  void run() {
    while (!ended_) {
      progress_.update(allocated(file_));
      std::this_thread::sleep_for(kTick);
    }
  }

  Host::Progress& progress_;
  const std::string file_;
  std::atomic<bool> ended_{false};
  std::thread thread_;
};

/// What the guest says is believed only as far as the file goes.
Result<std::uint64_t> said_length(const std::string& output, std::uint64_t most) {
  constexpr std::string_view kWord = "bytes ";
  const auto at = output.rfind(kWord);
  std::uint64_t length = 0;
  if (at != std::string::npos) {
    const char* begin = output.data() + at + kWord.size();
    std::from_chars(begin, output.data() + output.size(), length);
  }
  if (length == 0 || length > most || length % kBlock != 0) {
    return fail(EPROTO, "the builder VM does not say how large the store is");
  }
  return length;
}

/// The last lines: podman says there what it did not like.
std::string last_words(const std::string& errors) {
  constexpr std::size_t kMost = 1000;
  std::string text = errors.substr(errors.size() - std::min(errors.size(), kMost));
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

std::vector<std::string> words(const StoreKind& kind, const Unpacked& image,
                               const std::string& fill) {
  const std::string script = kBefore + fill + kind.record + kAfter + kind.finish;
  return {"/bin/sh", "-c", script, "sh", image.id.substr(image.id.find(':') + 1), kind.driver};
}

/// With a store of `room` bytes, which is cut to what the guest says it needs.
Result<void> run(const Host& host, const Host::Build& build, const Fd& store, std::uint64_t room,
                 const Call& call) {
  if (::ftruncate(store.get(), static_cast<off_t>(room)) != 0) return fail_errno("making a store");
  const auto built = FCVM_TRY(host.build(build, call, kLimit));
  if (built.exit_code != 0) {
    return fail(EIO, last_words(built.errors),
                "fcvm run --image-mode archive unpacks it in its own VM");
  }
  const std::uint64_t length = FCVM_TRY(said_length(built.output, room));
  // The builder's user had the file meanwhile, and this descriptor is of before.
  if (::ftruncate(store.get(), static_cast<off_t>(length)) == 0) return {};
  return fail_errno("cutting a store to its length");
}

}  // namespace

/// In an archive a file of one byte takes a kilobyte, and one without any half of that.
std::uint64_t room_for_store(std::uint64_t archive_bytes) {
  return (5 * archive_bytes / kMiB + 256) * kMiB;
}

Result<void> build_store(const Host& host, const StoreKind& kind, const Unpacked& image,
                         const std::string& archive, const std::string& store, const Call& call) {
  struct stat status {};
  if (::stat(archive.c_str(), &status) != 0) return fail_errno("looking at " + archive);
  const auto archive_bytes = static_cast<std::uint64_t>(status.st_size);
  const Fd file = FCVM_TRY(base::open_file(store, O_RDWR | O_CREAT | O_EXCL, 0600));
  Host::Build build;
  build.arguments = words(kind, image, kind.make + std::string(kLoad));
  build.disks = {{"archive", archive, FCVM_DISK_READ_ONLY},
                 {"store", store, FCVM_DISK_CACHE_UNSAFE}};
  auto progress =
      host.progress("unpacking " + image.name + ", once for all VMs", archive_bytes, "bytes");
  const Ticker ticker(progress, store);
  FCVM_TRY(run(host, build, file, room_for_store(archive_bytes), call) |
           context("unpacking the image failed"));
  progress.succeeded();
  return {};
}

Result<void> refresh_store(const Host& host, const StoreKind& kind, const Unpacked& image,
                           const std::string& store, const Call& call) {
  const Fd file = FCVM_TRY(base::open_file(store, O_RDWR));
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return fail_errno("looking at " + store);
  Host::Build build;
  build.arguments = words(kind, image, kind.reopen);
  build.disks = {{"store", store, FCVM_DISK_CACHE_UNSAFE}};
  auto progress = host.progress("preparing " + image.name + " for the new guest", 0, "");
  FCVM_TRY(
      run(host, build, file, static_cast<std::uint64_t>(status.st_size) + kRoomToRecord, call) |
      context("preparing the image for the new guest"));
  progress.succeeded();
  return {};
}

}  // namespace fcvm::archive
