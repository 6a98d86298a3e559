#include "core/vm/client/guest_service.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <system_error>

#include <fmt/core.h>

#include <fcvm/sdk/sized.hpp>

#include "core/base/io/poll.hpp"
#include "core/log/log.hpp"
#include "core/vm/client/exec_client.hpp"
#include "core/vm/control/control_protocol.hpp"
#include "core/vm/logs/container_log.hpp"
#include "core/vm/logs/log_files.hpp"

namespace fcvm::vm {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMostFollowers = 64;
constexpr auto kAskAgain = 200ms;
/// How often a command that says nothing is looked after: a cancel has 100 ms.
constexpr auto kLook = 50ms;
/// How long one attempt may take before it is looked whether the call was cancelled meanwhile.
constexpr auto kFirstAttempt = 500ms;

base::Deadline deadline_of(const Call& call) { return base::Deadline::at_ns(call.deadline()); }

/// Attempts grow, so that a slow guest is reached all the same. Only for what changes nothing when
/// it is given up and begun again.
template <typename Attempt>
auto repeated(const Call& call, const Attempt& attempt)
    -> decltype(attempt(base::Deadline::never())) {
  for (auto limit = std::chrono::nanoseconds(kFirstAttempt);; limit *= 2) {
    FCVM_TRY(call.check());
    const std::int64_t until = call.deadline(limit);
    auto done = attempt(base::Deadline::at_ns(until));
    const bool again = !done && done.error().code() == ETIMEDOUT && until != call.deadline();
    if (!again) return done;
  }
}

wire::ExecRequest request_of(const plugin::GuestService::Exec& command) {
  wire::ExecRequest request;
  request.place = command.in_container ? wire::ExecPlace::kContainer : wire::ExecPlace::kGuest;
  request.command = command.arguments;
  request.environment = command.environment;
  request.workdir = command.directory;
  request.user = command.user;
  request.interactive = !command.input.empty();
  return request;
}

Error failure_of(const wire::ExecFailed& failed) {
  return Error(failed.code == 127 ? ENOENT : EIO, failed.message);
}

/// One command, from its go to its end. Leaving early kills it.
class Conversation {
 public:
  Conversation(ExecBegun begun, const std::string& input,
               const plugin::GuestService::OutputHandler& output)
      : stream_(std::move(begun.stream)),
        credit_(begun.stdin_credit),
        input_(input),
        output_(output) {}
  Conversation(const Conversation&) = delete;
  Conversation& operator=(const Conversation&) = delete;
  ~Conversation() {
    if (ended_) return;
    [[maybe_unused]] const auto killed =
        stream_.send(wire::ExecSignal{SIGKILL}, base::Deadline::in(kLook));
  }

  Result<int> run(const Call& call) {
    FCVM_TRY(feed(call));
    for (;;) {
      FCVM_TRY(call.check());
      auto frame = stream_.receive(base::Deadline::in(kLook));
      if (!frame && frame.error().code() == ETIMEDOUT) continue;
      ended_ = !frame;
      if (!frame) return unexpected(std::move(frame).error());
      if (const auto code = FCVM_TRY(take(*frame))) return *code;
      FCVM_TRY(feed(call));
    }
  }

 private:
  /// As much of the input as the guest takes.
  Result<void> feed(const Call& call) {
    while (!input_.empty() && credit_ > 0) {
      const auto piece = input_.substr(0, std::min<std::uint64_t>({credit_, input_.size(), 65536}));
      std::string frame;
      wire::append_frame(frame, wire::kExecStdin, piece);
      FCVM_TRY(await_room(call));
      FCVM_TRY(stream_.send_bytes(frame, deadline_of(call)));
      credit_ -= piece.size();
      input_.remove_prefix(piece.size());
      if (input_.empty()) FCVM_TRY(stream_.send(wire::ExecStdinEnd{}, deadline_of(call)));
    }
    return {};
  }

  /// A guest that takes nothing keeps neither the deadline nor a cancel away. Where there is room
  /// at all, there is enough for one frame.
  Result<void> await_room(const Call& call) {
    for (;;) {
      FCVM_TRY(call.check());
      const auto writable = base::wait_writable(stream_.fd(), base::Deadline::in(kLook));
      if (writable || writable.error().code() != ETIMEDOUT) return writable;
    }
  }

  Result<std::optional<int>> take(const wire::Frame& frame) {
    switch (frame.type) {
      case wire::kExecStdout:
      case wire::kExecStderr: {
        const auto source =
            frame.type == wire::kExecStdout ? FCVM_OUTPUT_STDOUT : FCVM_OUTPUT_STDERR;
        if (output_(source, frame.payload)) return std::optional<int>();
        return fail(ECANCELED, "the plugin that takes its output has ended the command");
      }
      case wire::ExecCredit::kType: {
        const auto credit = FCVM_TRY(wire::decode<wire::ExecCredit>(frame));
        credit_ = std::min<std::uint64_t>(credit_ + credit.bytes, 1 << 30);
        return std::optional<int>();
      }
      case wire::ExecExit::kType: {
        ended_ = true;
        const auto exit = FCVM_TRY(wire::decode<wire::ExecExit>(frame));
        return std::optional<int>(exit.code);
      }
      case wire::ExecFailed::kType: {
        ended_ = true;
        const auto failed = FCVM_TRY(wire::decode<wire::ExecFailed>(frame));
        return unexpected(failure_of(failed));
      }
      default:
        return std::optional<int>();
    }
  }

  GuestStream stream_;
  std::uint64_t credit_;
  std::string_view input_;
  const plugin::GuestService::OutputHandler& output_;
  bool ended_ = false;
};

fcvm_line line_of(std::uint32_t source, std::string_view text, bool complete) {
  auto line = sized<fcvm_line>();
  line.source = source;
  line.flags = complete ? 0 : FCVM_LINE_GOES_ON;
  line.bytes = text.data();
  line.length = text.size();
  return line;
}

}  // namespace

GuestService::~GuestService() {
  for (const auto& [number, follower] : followers_) follower->ended = true;
  for (const auto& [number, follower] : followers_) follower->thread.join();
}

template <typename Request>
Result<base::Fd> GuestService::stream_by(const Request& request, const Call& call) {
  return repeated(call, [&](base::Deadline deadline) -> Result<base::Fd> {
    auto dialled = FCVM_TRY(ask_supervisor(store_.paths(), id_, request, deadline));
    return std::move(dialled.fd);
  });
}

Result<base::Fd> GuestService::dial(std::uint32_t port, const Call& call) {
  return stream_by(ask::Dial{port}, call);
}

Result<base::Fd> GuestService::dial_tcp(std::uint16_t port, const Call& call) {
  return stream_by(ask::DialTcp{port}, call);
}

Result<int> GuestService::exec(const Exec& command, const Call& call, const OutputHandler& output) {
  const auto running = fmt::format("running {} in VM {}", command.arguments.front(), id_);
  auto begun = repeated(call, [&](base::Deadline deadline) {
    return begin_exec(store_, id_, request_of(command), deadline);
  });
  if (!begun) return unexpected(std::move(begun).error().context(running));
  if (const auto* failed = std::get_if<wire::ExecFailed>(&*begun)) {
    return unexpected(failure_of(*failed).context(running));
  }
  Conversation conversation(std::get<ExecBegun>(*std::move(begun)), command.input, output);
  return conversation.run(call) | context(running);
}

Result<std::uint64_t> GuestService::subscribe(std::uint32_t source, LineHandler handler) {
  if (source < FCVM_OUTPUT_CONSOLE || source > FCVM_OUTPUT_STDERR) {
    return fail(EINVAL, fmt::format("subscribing to output {}: there is no such", source));
  }
  if (source != FCVM_OUTPUT_CONSOLE && !keeps_log_) {
    return fail(ENOTSUP, "subscribing to the container's output: it is kept in no log file",
                "run it without another --log-driver");
  }
  const std::lock_guard lock(mutex_);
  if (followers_.size() >= kMostFollowers) {
    return fail(EMFILE, fmt::format("subscribing to output: there are {} subscriptions already",
                                    followers_.size()));
  }
  auto follower = std::make_unique<Follower>();
  const auto follow = [this, source, handler = std::move(handler), &self = *follower] {
    try {
      if (source == FCVM_OUTPUT_CONSOLE) {
        follow_console(handler, self);
      } else {
        follow_container(source, handler, self);
      }
    } catch (const std::exception& thrown) {
      log::warning("vm", "following output for a plugin: {}", thrown.what());
    }
  };
  try {
    follower->thread = std::thread(follow);
  } catch (const std::system_error& error) {
    return fail(error.code().value(), "subscribing to output: starting a thread");
  }
  followers_.emplace(++last_, std::move(follower));
  return last_;
}

void GuestService::unsubscribe(std::uint64_t subscription) {
  std::unique_ptr<Follower> ended;
  {
    const std::lock_guard lock(mutex_);
    const auto at = followers_.find(subscription);
    if (at == followers_.end()) return;
    ended = std::move(at->second);
    followers_.erase(at);
  }
  ended->ended = true;
  ended->thread.join();
}

void GuestService::follow_container(std::uint32_t source, const LineHandler& handler,
                                    const Follower& self) {
  LogQuery query;
  query.follow = [&self] { return !self.ended; };
  const auto wanted = source == FCVM_OUTPUT_STDERR ? LogStream::kStderr : LogStream::kStdout;
  const auto hand_on = [&](const LogLine& line) {
    if (line.stream == wanted) handler(line_of(source, line.text, line.complete));
    return !self.ended;
  };
  if (auto read = read_container_log(store_.paths().container_log(id_), query, hand_on); !read) {
    log::warning("vm", "following the container's log: {}", read.error().message());
  }
}

void GuestService::follow_console(const LineHandler& handler, const Follower& self) {
  const auto path = store_.paths().console_log(id_);
  LogFiles files(path, std::nullopt, [](LogGap) {});
  const auto hand_on = [&](std::string_view text) -> Result<bool> {
    while (text.size() > kLogPiece) {
      handler(line_of(FCVM_OUTPUT_CONSOLE, text.substr(0, kLogPiece), false));
      text.remove_prefix(kLogPiece);
    }
    handler(line_of(FCVM_OUTPUT_CONSOLE, text, true));
    return !self.ended;
  };
  const auto patience = [&]() -> std::optional<base::Deadline> {
    if (self.ended) return std::nullopt;
    return base::Deadline::in(kAskAgain);
  };
  if (auto read = TailReader(path, files).lines(patience, hand_on); !read) {
    log::warning("vm", "following the console: {}", read.error().message());
  }
}

}  // namespace fcvm::vm
