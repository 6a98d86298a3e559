// Reading of container_log.hpp.
#include <chrono>

#include "core/base/io/fd.hpp"
#include "core/vm/logs/container_log.hpp"
#include "core/vm/logs/file_watch.hpp"
#include "core/vm/logs/log_files.hpp"
#include "core/vm/logs/log_line.hpp"
#include "core/vm/model/time_text.hpp"

namespace fcvm::vm {
namespace {

using LineHandler = std::function<bool(const LogLine&)>;

// A line of ours is a piece and its head; one that is much longer is none of ours.
constexpr std::size_t kLineLimit = 1 << 20;
// How often follow() is asked while nothing comes.
constexpr std::chrono::milliseconds kAskAgain{200};

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
