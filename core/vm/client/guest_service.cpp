#include "core/vm/client/guest_service.hpp"

#include <chrono>
#include <system_error>

#include <fmt/core.h>

#include <fcvm/sdk/sized.hpp>

#include "core/log/log.hpp"
#include "core/vm/client/guest_exec.hpp"
#include "core/vm/control/control_protocol.hpp"
#include "core/vm/logs/container_log.hpp"
#include "core/vm/logs/log_files.hpp"

namespace fcvm::vm {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMostFollowers = 64;
constexpr auto kAskAgain = 200ms;

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
  const auto dial = [&](std::uint32_t port, base::Deadline deadline) -> Result<Fd> {
    auto dialled = FCVM_TRY(ask_supervisor(store_.paths(), id_, ask::Dial{port}, deadline));
    return std::move(dialled.fd);
  };
  return run_in_guest(dial, request_of(command), command.input, call, output) |
         context(fmt::format("running {} in VM {}", command.arguments.front(), id_));
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
