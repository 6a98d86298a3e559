// See session.hpp.
#include "core/cli/session/session.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <unistd.h>

#include <fmt/core.h>

#include "core/cli/text/vm_text.hpp"
#include "core/cli/verb.hpp"
#include "core/log/log.hpp"

namespace fcvm::cli {
namespace {

constexpr std::size_t kReadSize = 64 << 10;
/// Bytes that wait for the stream; more are not read from stdin.
constexpr std::size_t kMostQueued = 256 << 10;
/// What a guest grants beyond this is not believed.
constexpr std::uint64_t kMostCredit = 1 << 30;
/// Signals that should end the command, to which it has said nothing: then the user wants out, and
/// the guest may not be able to pass them on.
constexpr int kMostUnanswered = 3;
/// Two sizes at once would look like none to the program.
constexpr std::chrono::milliseconds kPaintPause{150};

}  // namespace

Session::Session(vm::FrameLink link, SessionOptions options)
    : link_(std::move(link)),
      options_(std::move(options)),
      output_(STDOUT_FILENO),
      errors_(STDERR_FILENO) {}

void Session::begin(const vm::Attached& terms) {
  terms_ = terms;
  credit_ = std::min(terms.stdin_credit, kMostCredit);
  const bool types = terms.tty && terms.interactive && options_.sends_stdin;
  if (types && Terminal::is_there()) {
    if (auto raw = terminal_.enter_raw(); !raw) log::warning("exec", "{}", raw.error().message());
  }
  if (terms.tty && options_.repaints) return paint();
  send_size();
}

Result<SessionEnd> Session::run(const std::optional<vm::Attached>& begun) {
  const auto signals = FCVM_TRY(SignalInbox::open(
      {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM, SIGTSTP, SIGCONT, SIGWINCH}));
  const auto loop = FCVM_TRY(base::Loop::create());
  Ends ends(*loop);
  FCVM_TRY(ends.signals.want(signals.fd(), base::Loop::events(true, false)));
  if (begun) begin(*begun);
  while (!end_) FCVM_TRY(step(*loop, ends, signals));
  terminal_.leave_raw();
  return *std::move(end_);
}

Result<void> Session::watch(Ends& ends) {
  const auto typed = ends.input.want(STDIN_FILENO, base::Loop::events(wants_stdin(), false));
  if (!typed) end_stdin();  // it is closed
  FCVM_TRY(ends.output.want(output_.fd(), base::Loop::events(false, !output_.empty())));
  FCVM_TRY(ends.errors.want(errors_.fd(), base::Loop::events(false, !errors_.empty())));
  return ends.link.want(link_.fd(), base::Loop::events(idle(), link_.queued() > 0));
}

/// Waits for whatever may go on, and goes on with it.
Result<void> Session::step(base::Loop& loop, Ends& ends, const SignalInbox& signals) {
  if (const auto flushed = link_.flush(); !flushed)
    log::debug("exec", "{}", flushed.error().message());
  FCVM_TRY(watch(ends));
  FCVM_TRY(loop.step(paint_at_));
  if (paint_at_.expired()) send_size();
  while (const auto number = signals.take()) take_signal(*number);
  FCVM_TRY(check(output_.flush()));
  FCVM_TRY(check(errors_.flush()));
  if (end_) return {};
  if (ends.input.take() != 0) read_stdin();
  bool open = true;
  if (base::Loop::has_come(ends.link.take())) open = FCVM_TRY(link_.read());
  FCVM_TRY(take_frames());
  if (end_ || open || !idle()) return {};
  end({.code = kExitFailure,
       .error = Error(ECONNRESET,
                      "the connection to the VM was lost; whether the command has ended is unknown",
                      "fcvm ls -a tells whether the VM still runs")});
  return {};
}

bool Session::wants_stdin() const {
  return terms_ && terms_->interactive && options_.sends_stdin && stdin_open_ &&
         credit_ > options_.detach_keys.held() && link_.queued() < kMostQueued;
}

/// Only while all that came before is written out, so that nothing piles up here.
Result<void> Session::take_frames() {
  while (!end_ && idle()) {
    const auto frame = FCVM_TRY(link_.next());
    if (!frame) return {};
    unanswered_ = 0;
    FCVM_TRY(take(*frame));
  }
  return {};
}

Result<void> Session::take(const wire::Frame& frame) {
  switch (frame.type) {
    case wire::kExecStdout:
      return write(output_, frame.payload);
    case wire::kExecStderr:
      return write(errors_, frame.payload);
    case wire::ExecCredit::kType: {
      const auto more = FCVM_TRY(wire::decode<wire::ExecCredit>(frame)).bytes;
      credit_ = std::min(credit_ + std::min(more, kMostCredit), kMostCredit);
      return {};
    }
    case vm::Attached::kType:
      if (terms_) return fail(EPROTO, "the container began twice");
      begin(FCVM_TRY(wire::decode<vm::Attached>(frame)));
      return {};
    case wire::ExecExit::kType:
      end({.code = FCVM_TRY(wire::decode<wire::ExecExit>(frame)).code});
      return {};
    case wire::ExecFailed::kType:
      end(refused(FCVM_TRY(wire::decode<wire::ExecFailed>(frame))));
      return {};
    case wire::Refusal::kType: {
      const auto refusal = FCVM_TRY(wire::decode<wire::Refusal>(frame));
      return fail(EPROTO, "the guest's agent refused: " + printable(refusal.message));
    }
    default:
      return fail(EPROTO, fmt::format("the unexpected message {} came", frame.type));
  }
}

Result<void> Session::write(base::SharedWriter& writer, std::string_view bytes) {
  return check(writer.put(bytes));
}

/// A reader that has seen enough (`| head -1`) ends us as it would end any writer.
Result<void> Session::check(const Result<void>& written) {
  if (written) return {};
  if (written.error().code() != EPIPE) return written;
  if (options_.owns_command) {
    link_.send(wire::ExecSignal{SIGPIPE});
    static_cast<void>(link_.flush());
  }
  end({.code = 128 + SIGPIPE});
  return {};
}

void Session::take_signal(int number) {
  switch (number) {
    case SIGWINCH:
      return send_size();
    case SIGTSTP:
      return terminal_.stop_here();
    case SIGCONT:
      terminal_.resume();
      return send_size();
    default:
      break;
  }
  // Who types has keys for the command; these are then the end of the terminal.
  const bool ends_terminal = number != SIGUSR1 && number != SIGUSR2 && number != SIGALRM;
  if (!options_.forwards_signals || (terminal_.is_raw() && ends_terminal)) {
    return end({.code = 128 + number});
  }
  if (ends_terminal && ++unanswered_ == kMostUnanswered) {
    return end(
        {.code = 128 + number,
         .error =
             Error(ETIMEDOUT, "the command says nothing to the signals; it was left, and may go on",
                   "fcvm ls -a tells whether the VM still runs")});
  }
  link_.send(wire::ExecSignal{number});
}

void Session::read_stdin() {
  std::array<char, kReadSize> bytes;
  const std::uint64_t room = credit_ - options_.detach_keys.held();
  const auto most = static_cast<std::size_t>(std::min<std::uint64_t>(room, bytes.size()));
  const ssize_t count = ::read(STDIN_FILENO, bytes.data(), most);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  // A terminal that was hung up, and a descriptor that is closed, have no more to say either.
  if (count <= 0) return end_stdin();
  const std::string_view typed(bytes.data(), static_cast<std::size_t>(count));
  if (!terminal_.is_raw()) {
    credit_ -= typed.size();
    return link_.send_raw(wire::kExecStdin, typed);
  }
  const auto keys = options_.detach_keys.feed(typed);
  credit_ -= keys.passed.size();
  if (!keys.passed.empty()) link_.send_raw(wire::kExecStdin, keys.passed);
  if (keys.detached) detach();
}

void Session::end_stdin() {
  stdin_open_ = false;
  link_.send(wire::ExecStdinEnd{});
}

void Session::detach() {
  link_.send(wire::ExecDetach{});
  static_cast<void>(link_.flush());
  end({.code = 0, .detached = true});
}

void Session::send_size() {
  paint_at_ = base::Deadline::never();
  if (!terms_ || !terms_->tty) return;
  if (const auto size = Terminal::size()) link_.send(*size);
}

/// A change of size, and back, is what makes a program paint its screen.
void Session::paint() {
  const auto size = Terminal::size();
  if (!size || size->columns < 2) return send_size();
  link_.send(wire::Resize{size->rows, static_cast<std::uint16_t>(size->columns - 1)});
  paint_at_ = base::Deadline::in(kPaintPause);
}

void Session::end(SessionEnd how) {
  if (!end_) end_ = std::move(how);
}

SessionEnd refused(const wire::ExecFailed& failed) {
  return {.code = failed.code,
          .refused = true,
          .error = Error(EIO, printable(failed.message), printable(failed.remedy))};
}

int conclude(const SessionEnd& end) {
  if (end.error) log::report(*end.error);
  return end.code;
}

}  // namespace fcvm::cli
