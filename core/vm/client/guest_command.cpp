#include "core/vm/client/guest_command.hpp"

#include <chrono>
#include <utility>

#include <fmt/core.h>

#include "core/vm/client/exec_client.hpp"

namespace fcvm::vm {
namespace {

using namespace std::chrono_literals;

constexpr auto kLimit = 60s;
constexpr auto kLookForCancel = 100ms;  // for a signal
constexpr std::size_t kLargestOutput = 4 << 20;

using NextFrame = std::function<Result<wire::Frame>(GuestStream&)>;

Error failure(const wire::ExecFailed& failed) {
  return Error(failed.code == 127 ? ENOENT : EIO, failed.message);
}

/// Takes one frame; the exit code once that has come.
Result<std::optional<int>> take(const wire::Frame& frame, GuestOutput& output,
                                const TakeOutput& take_output) {
  switch (frame.type) {
    case wire::kExecStdout:
      if (take_output) {
        FCVM_TRY(take_output(frame.payload));
      } else {
        output.standard_output += frame.payload;
      }
      break;
    case wire::kExecStderr:
      output.standard_error += frame.payload;
      break;
    case wire::ExecExit::kType: {
      const auto exit = FCVM_TRY(wire::decode<wire::ExecExit>(frame));
      return std::optional<int>(exit.code);
    }
    case wire::ExecFailed::kType: {
      const auto failed = FCVM_TRY(wire::decode<wire::ExecFailed>(frame));
      return unexpected(failure(failed));
    }
    default:
      break;  // credit for a stdin that we do not use
  }
  if (output.standard_output.size() + output.standard_error.size() > kLargestOutput) {
    return fail(EFBIG, "it prints more than 4 MiB");
  }
  return std::optional<int>();
}

Result<GuestOutput> run_to_end(const Store& store, const std::string& id,
                               const std::vector<std::string>& argv, const TakeOutput& take_output,
                               const NextFrame& next) {
  const auto running = fmt::format("running {} in VM {}", argv.front(), id);
  wire::ExecRequest request;
  request.place = wire::ExecPlace::kGuest;
  request.command = argv;
  auto started = FCVM_TRY(begin_exec(store, id, std::move(request), base::Deadline::in(kLimit)) |
                          context(running));
  if (const auto* failed = std::get_if<wire::ExecFailed>(&started)) {
    return unexpected(failure(*failed).context(running));
  }
  GuestStream& stream = std::get<ExecBegun>(started).stream;
  GuestOutput output;
  for (;;) {
    const wire::Frame frame = FCVM_TRY(next(stream) | context(running));
    if (const auto code = FCVM_TRY(take(frame, output, take_output) | context(running))) {
      output.exit_code = *code;
      return output;
    }
  }
}

}  // namespace

Result<GuestOutput> run_guest_command(const Store& store, const std::string& id,
                                      const std::vector<std::string>& argv) {
  const auto deadline = base::Deadline::in(kLimit);
  return run_to_end(store, id, argv, {},
                    [&](GuestStream& stream) { return stream.receive(deadline); });
}

Result<GuestOutput> run_guest_command(const Store& store, const std::string& id,
                                      const std::vector<std::string>& argv, const TakeOutput& take,
                                      const std::function<bool()>& is_canceled) {
  return run_to_end(store, id, argv, take, [&](GuestStream& stream) -> Result<wire::Frame> {
    for (;;) {
      if (is_canceled()) return fail(ECANCELED, "canceled");
      auto frame = stream.receive(base::Deadline::in(kLookForCancel));
      if (frame || frame.error().code() != ETIMEDOUT) return frame;
    }
  });
}

}  // namespace fcvm::vm
