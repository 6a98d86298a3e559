#include "core/cli/session/supervisor_process.hpp"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <initializer_list>
#include <optional>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/core.h>

#include "core/base/io/fd.hpp"
#include "core/base/io/pipe.hpp"
#include "core/base/io/socket_pair.hpp"
#include "core/base/loop/interest.hpp"
#include "core/base/loop/loop.hpp"
#include "core/cli/session/signal_inbox.hpp"
#include "core/cli/verb.hpp"
#include "core/log/log.hpp"
#include "core/plugin/blame.hpp"

namespace fcvm::cli {
namespace {

constexpr char kSucceeded = 's';
constexpr char kFailed = 'f';
constexpr char kRefused = 'r';
constexpr std::size_t kLargestMessage = 64 << 10;
constexpr std::size_t kLongestNotes = 16 << 10;
constexpr std::size_t kLargestFrame = wire::kMaxExecData + 64;

/// 0 in the child, which has a session of its own and none of the `streams`.
Result<pid_t> fork_supervisor(std::initializer_list<int> streams) {
  const Fd null =
      FCVM_TRY(base::open_file("/dev/null", O_RDWR) | context("starting the supervisor"));
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child < 0) return fail_errno("starting the supervisor");
  if (child > 0) return child;
  ::setsid();
  for (const int stream : streams) ::dup2(null.get(), stream);
  return child;
}

/// Passes on to the supervisor what is to end the wait: then it ends its VM.
Result<std::optional<int>> wait_for_word(const Fd& from, pid_t child) {
  const auto signals = FCVM_TRY(SignalInbox::open({SIGINT, SIGTERM, SIGHUP, SIGQUIT}));
  const auto loop = FCVM_TRY(base::Loop::create());
  base::Interest word(*loop);
  base::Interest signal(*loop);
  FCVM_TRY(word.want(from.get(), base::Loop::events(true, false)));
  FCVM_TRY(signal.want(signals.fd(), base::Loop::events(true, false)));
  std::optional<int> interrupted;
  while (word.take() == 0) {
    FCVM_TRY(loop->step());
    while (const auto number = signals.take()) {
      interrupted = *number;
      // It has a session of its own, and hears of no key.
      ::kill(child, *number);
    }
  }
  return interrupted;
}

Result<int> wait_for_line(const Fd& from, pid_t child,
                          const std::function<Result<int>(const std::string& text)>& then) {
  const auto interrupted = FCVM_TRY(wait_for_word(from, child));
  const auto said = base::read_all(from.get(), kLargestMessage);
  if (interrupted && said && said->empty()) return 128 + *interrupted;
  if (!said || said->empty()) {
    return fail(EPIPE, "the detached fcvm ended before its container ran",
                "run it without --detach to see why");
  }
  if (said->front() == kSucceeded) {
    const auto end = said->find('\0');
    const auto code = then(said->substr(1, end - 1));
    log::say(std::string_view(*said).substr(end + 1));
    return code;
  }
  if (said->front() == kRefused) {
    const auto space = said->find(' ');
    log::report(Error(ENOEXEC, said->substr(space + 1)));
    return std::atoi(said->c_str() + 1);
  }
  // The message, then the remedy behind a NUL.
  const auto end = said->find('\0');
  return fail(EIO, said->substr(1, end - 1), end == std::string::npos ? "" : said->substr(end + 1));
}

int wait_for(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

}  // namespace

void DetachedLine::send(char tag, const std::string& text) {
  if (!to_) return;
  plugin::set_last_words(-1);
  [[maybe_unused]] auto sent = base::write_all(to_.get(), tag + text);
  to_.reset();
}

void DetachedLine::succeeded(const std::string& text, const std::string& notes) {
  send(kSucceeded, text + '\0' + notes.substr(0, kLongestNotes));
}

void DetachedLine::refused(int exit_code, const std::string& why) {
  const auto cut = why.size() - std::min(why.size(), kLongestNotes);
  send(kRefused, fmt::format("{} {}", exit_code, std::string_view(why).substr(cut)));
}

void DetachedLine::failed(const Error& error) {
  send(kFailed, error.message() + '\0' + error.remedy());
}

Result<int> supervise_detached(const std::function<Result<int>(DetachedLine& line)>& supervise,
                               const std::function<Result<int>(const std::string& text)>& then) {
  base::Pipe pipe = FCVM_TRY(base::Pipe::create());
  const pid_t child = FCVM_TRY(fork_supervisor({STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}));
  if (child > 0) {
    pipe.write_end.reset();
    return wait_for_line(pipe.read_end, child, then);
  }
  pipe.read_end.reset();
  plugin::set_last_words(pipe.write_end.get());
  DetachedLine line(std::move(pipe.write_end));
  auto ended = supervise(line);
  if (!ended) line.failed(ended.error());
  return ended;
}

Result<int> supervise_attached(SessionOptions options,
                               const std::function<Result<int>(Fd attached)>& supervise) {
  base::SocketPair ends = FCVM_TRY(base::SocketPair::create());
  const pid_t child = FCVM_TRY(fork_supervisor({STDIN_FILENO, STDOUT_FILENO}));
  if (child == 0) {
    ends.first.reset();
    const auto ended = supervise(std::move(ends.second));
    // Whoever is attached tells of the error: to return it would tell of it twice.
    ::_exit(ended ? *ended : kExitFailure);
  }
  ends.second.reset();
  const auto end = [&]() -> Result<SessionEnd> {
    // Its end is what tells the supervisor that we are gone.
    Session session(vm::FrameLink(std::move(ends.first), wire::FrameBuffer(kLargestFrame)),
                    std::move(options));
    return session.run();
  }();
  if (end && end->detached) return 0;
  // Nothing is left on the host once this returns.
  const int status = wait_for(child);
  if (!end) return unexpected(end.error());
  if (end->error && end->error->code() == ECONNRESET && WIFSIGNALED(status)) {
    return fail(ECONNRESET,
                fmt::format("the VM's supervisor was killed by signal {}", WTERMSIG(status)),
                "fcvm gc cleans up after it");
  }
  // It has said on stderr why it ended without a farewell.
  if (end->error && end->error->code() == ECONNRESET && WIFEXITED(status)) {
    return WEXITSTATUS(status);
  }
  return conclude(*end);
}

}  // namespace fcvm::cli
