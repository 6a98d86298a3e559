// Session: this process's standard streams and terminal at one end, a command's framed stream at
// the other: what exec, attach and run -i share. Owns the stream, the terminal's mode and, while it
// runs, the signals; one thread, which never waits for one end only.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include <fcvm/result.hpp>

#include "core/base/deadline.hpp"
#include "core/base/io/shared_writer.hpp"
#include "core/base/loop/interest.hpp"
#include "core/base/loop/loop.hpp"
#include "core/cli/session/detach_keys.hpp"
#include "core/cli/session/signal_inbox.hpp"
#include "core/cli/session/terminal.hpp"
#include "core/vm/guest/attachments.hpp"
#include "core/vm/guest/frame_link.hpp"
#include "core/wire/exec.hpp"

namespace fcvm::cli {

struct SessionOptions {
  DetachKeys detach_keys;
  bool sends_stdin = false;
  bool forwards_signals = true;
  /// The command is ours, and not somebody else's whom we look at: a reader of ours that goes away
  /// is the end of it.
  bool owns_command = true;
  /// Has the program in a terminal paint it anew.
  bool repaints = false;
};

struct SessionEnd {
  int code = 0;  // for this process to exit with
  bool detached = false;
  bool refused = false;          // it never ran, and the error is the other side's
  std::optional<Error> error{};  // what to report
};

class Session {
 public:
  Session(vm::FrameLink link, SessionOptions options);

  /// Until the command ends, is left or is lost. An error is this process's own. `begun` says that
  /// the command runs already, as exec's does; otherwise an Attached frame will tell.
  [[nodiscard]] Result<SessionEnd> run(const std::optional<vm::Attached>& begun = std::nullopt);

 private:
  /// What it waits for.
  struct Ends {
    explicit Ends(base::Loop& loop)
        : signals(loop), link(loop), input(loop), output(loop), errors(loop) {}
    base::Interest signals, link, input, output, errors;
  };

  void begin(const vm::Attached& terms);
  Result<void> watch(Ends& ends);
  Result<void> step(base::Loop& loop, Ends& ends, const SignalInbox& signals);
  Result<void> take_frames();
  Result<void> take(const wire::Frame& frame);
  void take_signal(int number);
  void read_stdin();
  void end_stdin();
  void detach();
  void send_size();
  void paint();
  Result<void> write(base::SharedWriter& writer, std::string_view bytes);
  Result<void> check(const Result<void>& written);
  void end(SessionEnd how);
  [[nodiscard]] bool idle() const { return output_.empty() && errors_.empty(); }
  [[nodiscard]] bool wants_stdin() const;

  vm::FrameLink link_;
  SessionOptions options_;
  Terminal terminal_;
  base::SharedWriter output_;
  base::SharedWriter errors_;
  std::optional<vm::Attached> terms_;
  std::uint64_t credit_ = 0;
  bool stdin_open_ = true;
  int unanswered_ = 0;
  base::Deadline paint_at_ = base::Deadline::never();
  std::optional<SessionEnd> end_;
};

/// What the other side says of a command that cannot run.
[[nodiscard]] SessionEnd refused(const wire::ExecFailed& failed);

/// Reports what there is to report; the exit code.
int conclude(const SessionEnd& end);

}  // namespace fcvm::cli
