// A mounting side that means harm: the server is sent any messages, in any order. An input is a
// stream, as its queue would carry it. Nothing outside the served directory may change.
#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <linux/capability.h>
#include <string>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/base/io/file.hpp"
#include "core/base/io/temp_dir.hpp"
#include "fusepipe/server/session.hpp"

using namespace fcvm;
using namespace fcvm::fusepipe;

namespace {

constexpr const char* kSecret = "nobody's business";

template <typename T>
T must(Result<T> result) {
  if (!result) {
    std::fprintf(stderr, "%s\n", result.error().message().c_str());
    std::abort();
  }
  return *std::move(result);
}

/// Files that grow must not fill the disk, and those that cannot be removed must not be made.
void take_precautions() {
  const rlimit small{1 << 20, 1 << 20};
  ::setrlimit(RLIMIT_FSIZE, &small);
  ::signal(SIGXFSZ, SIG_IGN);
  ::umask(0);
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> rights{};
  ::syscall(SYS_capget, &header, rights.data());
  rights[0].effective &= ~(1U << CAP_LINUX_IMMUTABLE);
  rights[0].permitted &= ~(1U << CAP_LINUX_IMMUTABLE);
  ::syscall(SYS_capset, &header, rights.data());
}

class World {
 public:
  World() : outside_(must(base::TempDir::create())) {
    take_precautions();
    write(outside("secret"), kSecret);
  }

  [[nodiscard]] std::string inside() const { return outside("in"); }

  void renew() {
    (void)base::remove_tree(inside());
    ::mkdir(inside().c_str(), 0755);
    ::mkdir((inside() + "/d").c_str(), 0755);
    write(inside() + "/f", "text");
    (void)!::symlink("../secret", (inside() + "/s").c_str());
    (void)!::symlink("..", (inside() + "/up").c_str());
    ::mkfifo((inside() + "/fifo").c_str(), 0600);
  }

  void check() const {
    struct stat status {};
    const bool same = ::lstat(outside("secret").c_str(), &status) == 0 && status.st_nlink == 1 &&
                      status.st_mode == (S_IFREG | 0600) &&
                      must(base::read_file(outside("secret"))) == kSecret;
    std::size_t names = 0;
    for (const auto& entry : std::filesystem::directory_iterator(outside_.path())) {
      (void)entry;
      ++names;
    }
    if (!same || names != 2) {
      std::fprintf(stderr, "the peer reached what is outside\n");
      std::abort();
    }
  }

 private:
  [[nodiscard]] std::string outside(const std::string& name) const {
    return outside_.path() + "/" + name;
  }
  static void write(const std::string& path, const char* text) {
    const base::Fd fd = must(base::open_file(path, O_CREAT | O_WRONLY | O_TRUNC, 0600));
    (void)base::write_all(fd.get(), text);
  }

  base::TempDir outside_;
};

/// As MessageReader cuts a stream.
std::span<const std::byte> next_message(std::span<const std::byte>& rest) {
  std::uint32_t length = 0;
  if (rest.size() < sizeof(fuse_in_header)) return {};
  std::memcpy(&length, rest.data(), sizeof length);
  if (length < sizeof(fuse_in_header) || length > rest.size()) return {};
  const auto message = rest.first(length);
  rest = rest.subspan(length);
  return message;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static World world;
  // Answers go nowhere: it is no socket.
  static const auto nowhere =
      std::make_shared<const base::Fd>(::open("/dev/null", O_RDWR | O_CLOEXEC));
  static Reply reply;
  world.renew();
  ServeOptions options;
  options.directory = world.inside();
  const Directory directory = must(Directory::open(std::move(options)));
  {
    Session session(must(Mount::create(directory, kRootNode + 1, {8, 8, 8})));
    Queue& queue = session.queue(0);
    queue.replace(nowhere);
    auto rest = std::as_bytes(std::span(data, size));
    for (auto message = next_message(rest); !message.empty(); message = next_message(rest)) {
      // A copy of its own length, so that a look beyond its end is seen.
      const std::vector<std::byte> own(message.begin(), message.end());
      if (!session.take(queue, nowhere, own, reply)) break;
    }
  }
  world.check();
  return 0;
}
