// Reading of container_log.hpp.
#include <algorithm>
#include <chrono>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/fd.hpp"
#include "core/vm/container_log.hpp"
#include "core/vm/file_watch.hpp"
#include "core/vm/log_line.hpp"
#include "core/vm/time_text.hpp"

namespace fcvm::vm {
namespace {

using LineHandler = std::function<bool(const LogLine&)>;

// A line of ours is a piece and its head; one that is much longer is none of ours.
constexpr std::size_t kLineLimit = 1 << 20;
// How often follow() is asked while nothing comes.
constexpr std::chrono::milliseconds kAskAgain{200};

/// The files of a log: the one that is open, and those that come after it.
class LogFiles {
 public:
  explicit LogFiles(const std::filesystem::path& file)
      : directory_path_(file.parent_path().string()), name_(file.filename().string()) {}

  /// Opens where `tail` begins, else the oldest part. False when there is no file yet.
  Result<bool> open(std::optional<std::size_t> tail) {
    auto directory = base::open_file(directory_path_, O_RDONLY | O_DIRECTORY);
    if (!directory && directory.error().code() == ENOENT) return false;
    directory_ = FCVM_TRY(std::move(directory));
    if (!tail) {
      const auto parts = FCVM_TRY(base::parts_of(directory_.get(), name_));
      return open_next(parts.empty() ? 0 : parts.front() - 1);
    }
    if (!FCVM_TRY(open_newest())) return false;
    for (std::size_t left = *tail;;) {
      const auto found = FCVM_TRY(find_log_tail(fd_.get(), left));
      left -= found.lines;
      if (left > 0 && FCVM_TRY(open_part(number_ - 1))) continue;
      if (left > 0 || ::lseek(fd_.get(), found.begin, SEEK_SET) < 0) {
        ::lseek(fd_.get(), 0, SEEK_SET);
      }
      wants_more_ = left > 0;
      return true;
    }
  }

  [[nodiscard]] bool is_open() const { return fd_.valid(); }
  [[nodiscard]] int fd() const { return fd_.get(); }
  /// Whether all that is left was wanted, and some of it is not there any more.
  [[nodiscard]] bool begins_with_gap() const { return wants_more_ && number_ > 1; }

  /// The open file is written no more: another has taken its name, or it is one of the parts.
  [[nodiscard]] bool complete() const {
    struct stat now {};
    struct stat ours {};
    if (::fstat(fd_.get(), &ours) != 0) return true;
    if (::fstatat(directory_.get(), name_.c_str(), &now, AT_SYMLINK_NOFOLLOW) != 0) return true;
    return now.st_ino != ours.st_ino;
  }
  [[nodiscard]] bool removed() const {
    struct stat info {};
    return directory_ && ::fstat(directory_.get(), &info) == 0 && info.st_nlink == 0;
  }

  /// After a complete file. False when there is none yet. `gap`: parts between the two are gone.
  Result<bool> go_on(bool& gap) {
    const auto before = number_;
    if (!FCVM_TRY(open_next(before))) return false;
    gap = number_ > before + 1 || number_ == before;  // the latter: no part is kept
    return true;
  }

 private:
  /// The first one with a number above `number`.
  Result<bool> open_next(std::uint64_t number) {
    for (;;) {
      const auto parts = FCVM_TRY(base::parts_of(directory_.get(), name_));
      const auto next = std::upper_bound(parts.begin(), parts.end(), number);
      if (next == parts.end()) {
        if (!FCVM_TRY(open_newest())) return false;
        if (number_ <= number + 1 || number == 0) return true;
      } else if (FCVM_TRY(open_part(*next))) {
        return true;
      }
    }
  }

  /// What is written now; its number is the one that it will have as a part.
  Result<bool> open_newest() {
    for (;;) {
      const auto before = FCVM_TRY(base::parts_of(directory_.get(), name_));
      auto fd = base::open_at(directory_.get(), name_, O_RDONLY | O_NOFOLLOW);
      if (!fd && fd.error().code() == ENOENT) return false;
      Fd opened = FCVM_TRY(std::move(fd));
      const auto after = FCVM_TRY(base::parts_of(directory_.get(), name_));
      if (before != after) continue;  // it was just being renamed
      fd_ = std::move(opened);
      number_ = after.empty() ? 1 : after.back() + 1;
      return true;
    }
  }

  Result<bool> open_part(std::uint64_t number) {
    auto fd =
        base::open_at(directory_.get(), base::part_name(name_, number), O_RDONLY | O_NOFOLLOW);
    if (!fd && fd.error().code() == ENOENT) return false;
    fd_ = FCVM_TRY(std::move(fd));
    number_ = number;
    return true;
  }

  std::string directory_path_;
  std::string name_;
  Fd directory_;
  Fd fd_;
  std::uint64_t number_ = 0;
  bool wants_more_ = true;
};

class Reader {
 public:
  Reader(const std::filesystem::path& file, const LogQuery& query, const LineHandler& handle)
      : query_(query), handle_(handle), files_(file) {}

  /// False when there is no file yet.
  Result<bool> open() {
    if (!FCVM_TRY(files_.open(query_.tail))) return false;
    if (files_.begins_with_gap()) tell_gap();
    return true;
  }

  [[nodiscard]] bool is_open() const { return files_.is_open(); }
  /// A removed log grows no more.
  [[nodiscard]] bool removed() const { return files_.removed(); }

  /// Handles what there is in all files up to the end. False: no more is wanted.
  Result<bool> drain() {
    if (!files_.is_open()) return true;
    for (;;) {
      // Asked first: what is complete now is so to its last byte.
      const bool complete = files_.complete();
      if (!FCVM_TRY(drain_file())) return false;
      bool gap = false;
      if (!complete || !FCVM_TRY(files_.go_on(gap))) return true;
      if (gap) tell_gap();
    }
  }

 private:
  void tell_gap() const {
    if (query_.on_dropped) query_.on_dropped();
  }

  Result<bool> drain_file() {
    constexpr std::size_t kChunk = 256 * 1024;
    for (;;) {
      const std::size_t had = buffer_.size();
      buffer_.resize(had + kChunk);
      const auto got = base::read_some(files_.fd(), std::span(buffer_).subspan(had));
      buffer_.resize(had + (got ? *got : 0));
      if (FCVM_TRY(got) == 0) return true;
      if (!take_lines(had)) return false;
    }
  }

  bool take_lines(std::size_t search_from) {
    std::size_t begin = 0;
    bool go_on = true;
    for (std::size_t end; go_on && (end = buffer_.find('\n', search_from)) != std::string::npos;
         begin = search_from = end + 1) {
      go_on = take_line(std::string_view(buffer_).substr(begin, end - begin));
    }
    buffer_.erase(0, begin);
    if (buffer_.size() > kLineLimit) buffer_.clear();
    return go_on;
  }

  bool take_line(std::string_view text) {
    const auto line = parse_log_line(text);
    if (!line) return true;
    if (query_.since_ns && line->time_ns < *query_.since_ns) return true;
    // Not the end yet: a clock that is set back makes times go back.
    if (query_.until_ns && line->time_ns > *query_.until_ns) return true;
    return handle_(*line);
  }

  const LogQuery& query_;
  const LineHandler& handle_;
  LogFiles files_;
  std::string buffer_;
};

bool goes_on(const LogQuery& query) {
  const bool in_time = !query.until_ns || now_ns() <= *query.until_ns;
  return query.follow && in_time && query.follow();
}

}  // namespace

Result<void> read_container_log(const std::filesystem::path& file, const LogQuery& query,
                                const LineHandler& handle) {
  Reader reader(file, query, handle);
  std::optional<FileWatch> watch;
  if (query.follow) watch.emplace(file);
  for (bool last = false; !last;) {
    last = !goes_on(query) || reader.removed();  // asked before the last look, not after
    if (!reader.is_open()) (void)FCVM_TRY(reader.open() | context("opening " + file.string()));
    if (!FCVM_TRY(reader.drain() | context("reading " + file.string()))) return {};
    if (!last) watch->wait(base::Deadline::in(kAskAgain));
  }
  return {};
}

}  // namespace fcvm::vm
