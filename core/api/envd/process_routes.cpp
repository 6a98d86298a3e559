// See process_routes.hpp.
#include "core/api/envd/process_routes.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>

#include <nlohmann/json.hpp>

#include "core/api/connect/rpc.hpp"
#include "core/api/envd/process_messages.hpp"

namespace fcvm::api {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

/// How often it is looked whether the client is still there.
constexpr auto kLook = 1s;

/// Of a header that is a number of so many units; nothing where it is not there, or is none.
std::optional<std::int64_t> number_in(const http::Request& request, std::string_view header) {
  const auto text = request.headers.get(header);
  std::int64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  if (text.empty() || parsed.ec != std::errc() || parsed.ptr != end || value <= 0) return {};
  return value;
}

base::Deadline limit_of(const Call& call) {
  const auto limit = number_in(call.request(), "Connect-Timeout-Ms");
  return limit ? base::Deadline::in(std::chrono::milliseconds(*limit)) : base::Deadline::never();
}

/// The events of one process, until it ends, or its client leaves.
Result<void> pass_on(const Call& call, const Processes::Started& process, bool tty,
                     base::Deadline limit, connect::Answers& answers) {
  FCVM_TRY(answers.send(started_json(process.pid)));
  const auto pings = number_in(call.request(), "Keepalive-Ping-Interval");
  const auto ping = pings ? std::chrono::seconds(std::min<std::int64_t>(*pings, 3600)) : 90s;
  auto ping_at = base::Deadline::in(ping);
  for (;;) {
    const auto look_at = base::Deadline::earlier(base::Deadline::in(kLook), limit);
    const auto event = process.events->next(base::Deadline::earlier(look_at, ping_at));
    if (event && event->failure) return unexpected(*event->failure);
    if (event) {
      FCVM_TRY(answers.send(event_json(*event, tty)));
      if (event->kind == ProcessEvent::Kind::kEnd) return {};
      continue;
    }
    if (answers.client_has_gone()) return fail(ECANCELED, "the client has gone");
    if (limit.expired()) return fail(ETIMEDOUT, "the time that the client gave is over");
    if (!ping_at.expired()) continue;
    FCVM_TRY(answers.send(keep_alive_json()));
    ping_at = base::Deadline::in(ping);
  }
}

Result<void> start_process(Processes& processes, Call& call, const json& request,
                           connect::Answers& answers) {
  const auto message = FCVM_TRY(start_message(request));
  const auto limit = limit_of(call);
  const auto started =
      FCVM_TRY(processes.start(call.sandbox.id, call.sandbox.vm, message.config,
                               exec_request(message, call.sandbox.environment, call.user), limit));
  return pass_on(call, started, message.config.tty, limit, answers);
}

Result<void> listen_to_process(Processes& processes, Call& call, const json& request,
                               connect::Answers& answers) {
  const auto which = FCVM_TRY(selector(request));
  const auto process = FCVM_TRY(processes.listen(call.sandbox.id, which));
  bool tty = false;
  for (const auto& one : processes.list(call.sandbox.id)) {
    if (one.pid == process.pid) tty = one.config.tty;
  }
  return pass_on(call, process, tty, limit_of(call), answers);
}

Result<json> list_processes(const Processes& processes, const Call& call) {
  json all = json::array();
  for (const auto& one : processes.list(call.sandbox.id)) all.push_back(listed_json(one));
  return json{{"processes", std::move(all)}};
}

Result<json> stream_input(Processes& processes, const Call& call,
                          const connect::NextMessage& next) {
  Processes::Selector which;
  for (;;) {
    const auto message = FCVM_TRY(next());
    if (!message) return json::object();
    if (message->contains("start")) which = FCVM_TRY(selector((*message)["start"]));
    if (!message->contains("data")) continue;
    if (which.pid == 0 && which.tag.empty()) {
      return fail(EINVAL, "the first message has to name the process");
    }
    const auto input = FCVM_TRY(input_bytes((*message)["data"]));
    FCVM_TRY(processes.send_input(call.sandbox.id, which, input));
  }
}

using Change =
    std::function<Result<void>(Call& call, const Processes::Selector& which, const json& request)>;

/// A call that names a process and answers nothing.
Route changing(const std::string& procedure, Change change) {
  return connect::unary(
      procedure, [change = std::move(change)](Call& call, const json& request) -> Result<json> {
        const auto which = FCVM_TRY(selector(request));
        FCVM_TRY(change(call, which, request));
        return json::object();
      });
}

}  // namespace

std::vector<Route> process_routes(Processes& processes) {
  return {connect::streamed("process.Process/Start",
                            [&](Call& call, const json& request, connect::Answers& answers) {
                              return start_process(processes, call, request, answers);
                            }),
          connect::streamed("process.Process/Connect",
                            [&](Call& call, const json& request, connect::Answers& answers) {
                              return listen_to_process(processes, call, request, answers);
                            }),
          connect::unary("process.Process/List",
                         [&](Call& call, const json&) { return list_processes(processes, call); }),
          connect::client_streamed("process.Process/StreamInput",
                                   [&](Call& call, const connect::NextMessage& next) {
                                     return stream_input(processes, call, next);
                                   }),
          changing("process.Process/SendInput",
                   [&](Call& call, const auto& which, const json& request) -> Result<void> {
                     const auto input = FCVM_TRY(input_bytes(request));
                     return processes.send_input(call.sandbox.id, which, input);
                   }),
          changing("process.Process/CloseStdin",
                   [&](Call& call, const auto& which, const json&) {
                     return processes.close_input(call.sandbox.id, which);
                   }),
          changing("process.Process/SendSignal",
                   [&](Call& call, const auto& which, const json& request) -> Result<void> {
                     const int number = FCVM_TRY(signal_number(request));
                     return processes.signal(call.sandbox.id, which, number);
                   }),
          changing("process.Process/Update",
                   [&](Call& call, const auto& which, const json& request) -> Result<void> {
                     const auto size = FCVM_TRY(terminal_size(request));
                     if (!size) return fail(EINVAL, "pty.size is missing");
                     return processes.resize(call.sandbox.id, which, *size);
                   })};
}

}  // namespace fcvm::api
