#include "core/cli/session/detach.hpp"

#include <cstdlib>
#include <fcntl.h>
#include <unistd.h>

#include <fmt/core.h>

#include "core/base/io/fd.hpp"
#include "core/base/io/pipe.hpp"
#include "core/cli/verb.hpp"
#include "core/log/log.hpp"
#include "core/plugin/blame.hpp"

namespace fcvm::cli {
namespace {

constexpr char kSucceeded = 's';
constexpr char kFailed = 'f';
constexpr std::size_t kLargestMessage = 64 << 10;

[[noreturn]] void wait_and_exit(const Fd& from) {
  const auto said = base::read_all(from.get(), kLargestMessage);
  if (said && !said->empty() && said->front() == kSucceeded) {
    fmt::print("{}\n", said->substr(1));
    std::exit(std::fflush(stdout) == 0 ? 0 : kExitFailure);
  }
  if (!said || said->empty()) {
    log::report(Error(EPIPE, "the detached fcvm ended before its container ran",
                      "run it without --detach to see why"));
  } else {
    // The message, then the remedy behind a NUL.
    const auto end = said->find('\0');
    log::report(Error(EIO, said->substr(1, end - 1),
                      end == std::string::npos ? "" : said->substr(end + 1)));
  }
  std::exit(kExitFailure);
}

}  // namespace

void DetachedLine::send(char tag, const std::string& text) {
  if (!to_) return;
  plugin::set_last_words(-1);
  [[maybe_unused]] auto sent = base::write_all(to_.get(), tag + text);
  to_.reset();
}

void DetachedLine::succeeded(const std::string& text) { send(kSucceeded, text); }

void DetachedLine::failed(const Error& error) {
  send(kFailed, error.message() + '\0' + error.remedy());
}

Result<DetachedLine> detach() {
  base::Pipe pipe = FCVM_TRY(base::Pipe::create());
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child < 0) return fail_errno("detaching");
  if (child > 0) {
    pipe.write_end.reset();
    wait_and_exit(pipe.read_end);
  }
  ::setsid();
  const Fd null = FCVM_TRY(base::open_file("/dev/null", O_RDWR));
  for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    ::dup2(null.get(), standard);
  }
  plugin::set_last_words(pipe.write_end.get());
  return DetachedLine(std::move(pipe.write_end));
}

}  // namespace fcvm::cli
