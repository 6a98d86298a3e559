#include "core/vm/logs/file_watch.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <sys/inotify.h>
#include <thread>
#include <unistd.h>

#include "core/base/io/poll.hpp"

namespace fcvm::vm {
namespace {

constexpr std::chrono::milliseconds kWithoutWatch{50};

base::Fd watch(const std::filesystem::path& directory) {
  base::Fd inotify(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  const auto mask = IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF;
  if (!inotify || ::inotify_add_watch(inotify.get(), directory.c_str(), mask) < 0) return {};
  return inotify;
}

}  // namespace

FileWatch::FileWatch(const std::filesystem::path& file) : inotify_(watch(file.parent_path())) {}

void FileWatch::wait(base::Deadline deadline) {
  if (!inotify_) {
    std::this_thread::sleep_for(
        std::min<base::Deadline::Nanoseconds>(deadline.remaining(), kWithoutWatch));
    return;
  }
  if (!base::wait_readable(inotify_.get(), deadline)) return;
  // What the events say does not matter: the file itself is looked at.
  std::array<char, 16 * 1024> events;
  while (::read(inotify_.get(), events.data(), events.size()) > 0) {
  }
}

}  // namespace fcvm::vm
