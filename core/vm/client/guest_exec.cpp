#include "core/vm/client/guest_exec.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <optional>

#include "core/base/io/poll.hpp"

namespace fcvm::vm {
namespace {

using namespace std::chrono_literals;

/// How often a command that says nothing is looked after: a cancel has 100 ms.
constexpr auto kLook = 50ms;

base::Deadline deadline_of(const Call& call) { return base::Deadline::at_ns(call.deadline()); }

Error failure_of(const wire::ExecFailed& failed) {
  return Error(failed.code == 127 ? ENOENT : EIO, failed.message);
}

/// One command, from its go to its end. Leaving early kills it.
class Conversation {
 public:
  Conversation(ExecBegun begun, std::string_view input,
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

}  // namespace

Result<int> run_in_guest(const DialGuest& dial, const wire::ExecRequest& request,
                         std::string_view input, const Call& call,
                         const plugin::GuestService::OutputHandler& output) {
  auto begun = FCVM_TRY(
      repeated(call, [&](base::Deadline deadline) { return begin_exec(dial, request, deadline); }));
  if (const auto* failed = std::get_if<wire::ExecFailed>(&begun)) {
    return unexpected(failure_of(*failed));
  }
  Conversation conversation(std::get<ExecBegun>(std::move(begun)), input, output);
  return conversation.run(call);
}

}  // namespace fcvm::vm
