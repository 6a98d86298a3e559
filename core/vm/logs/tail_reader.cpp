// See tail_reader.hpp.
#include "core/vm/logs/tail_reader.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <sys/inotify.h>
#include <thread>
#include <unistd.h>

#include "core/base/io/fd.hpp"
#include "core/base/io/poll.hpp"

namespace fcvm::vm {
namespace {

constexpr std::size_t kChunk = 256 * 1024;
constexpr std::size_t kLineLimit = 1 << 20;
constexpr std::chrono::milliseconds kWithoutWatch{50};

/// Wakes when a file grows, appears or is replaced. Owns an inotify descriptor.
class FileWatch {
 public:
  /// Watches the file's directory for what comes and goes: the file need not be there yet, and may
  /// be replaced. Not for what grows there, such as a guest's disk. Where the kernel has no watch
  /// left to give, wait() becomes a short sleep.
  explicit FileWatch(const std::filesystem::path& file)
      : inotify_(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) {
    const auto mask = IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF;
    const auto directory = file.parent_path();
    if (inotify_ && ::inotify_add_watch(inotify_.get(), directory.c_str(), mask) < 0) {
      inotify_.reset();
    }
  }

  /// `open` is the file that is read now, or -1. Returns when something happened, perhaps to
  /// another file, or at the deadline. What happened between the last look at the file and this
  /// call wakes it, too.
  void wait(int open, base::Deadline deadline) {
    if (inotify_ && open >= 0 && is_new(open)) return;  // it may have grown unwatched
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

 private:
  /// Whether the file is watched from now on, and was not before.
  bool is_new(int open) {
    const auto name = "/proc/self/fd/" + std::to_string(open);
    const int watch = ::inotify_add_watch(inotify_.get(), name.c_str(), IN_MODIFY);
    if (watch < 0) inotify_.reset();
    if (watch < 0 || watch == watch_) return false;
    if (watch_ >= 0) ::inotify_rm_watch(inotify_.get(), watch_);
    watch_ = watch;
    return true;
  }

  base::Fd inotify_;
  int watch_ = -1;
};

}  // namespace

Result<void> TailReader::lines(const Patience& patience, const Handler& handle) {
  return bytes(patience, [&](std::string_view bytes) { return take_lines(bytes, handle); });
}

Result<void> TailReader::bytes(const Patience& patience, const Handler& handle) {
  std::optional<FileWatch> watch;
  for (;;) {
    const auto wait_until = patience();  // asked before the last look, not after
    if (wait_until && !watch) watch.emplace(file_);
    if (!FCVM_TRY(drain(handle)) || !wait_until) return {};
    watch->wait(files_.is_open() ? files_.fd() : -1, *wait_until);
  }
}

// Takes what there is in all files up to the end. False: no more is wanted.
Result<bool> TailReader::drain(const Handler& take) {
  if (!files_.is_open() && !FCVM_TRY(files_.open() | context("opening " + file_.string()))) {
    return true;
  }
  for (;;) {
    // Asked first: what is complete now is so to its last byte.
    const bool complete = files_.complete();
    if (!FCVM_TRY(drain_file(take))) return false;
    if (!complete || !FCVM_TRY(files_.go_on() | context("reading " + file_.string()))) return true;
    partial_.clear();
  }
}

Result<bool> TailReader::drain_file(const Handler& take) {
  chunk_.resize(kChunk);
  for (;;) {
    const std::size_t got =
        FCVM_TRY(base::read_some(files_.fd(), chunk_) | context("reading " + file_.string()));
    if (got == 0) return true;
    if (!FCVM_TRY(take(std::string_view(chunk_).substr(0, got)))) return false;
  }
}

Result<bool> TailReader::take_lines(std::string_view bytes, const Handler& handle) {
  for (std::size_t end; (end = bytes.find('\n')) != std::string_view::npos;) {
    const std::string_view rest = bytes.substr(0, end);
    if (!partial_.empty()) partial_.append(rest);
    const bool go_on = FCVM_TRY(handle(partial_.empty() ? rest : std::string_view(partial_)));
    partial_.clear();
    bytes.remove_prefix(end + 1);
    if (!go_on) return false;
  }
  partial_.append(bytes);
  if (partial_.size() > kLineLimit) partial_.clear();
  return true;
}

}  // namespace fcvm::vm
