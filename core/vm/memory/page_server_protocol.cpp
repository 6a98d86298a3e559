// See page_server_protocol.hpp.
#include "core/vm/memory/page_server_protocol.hpp"

#include <array>
#include <thread>
#include <utility>

#include <fmt/core.h>

#include "core/base/io/unix_socket.hpp"
#include "core/base/process/process_id.hpp"
#include "core/vm/model/id.hpp"

namespace fcvm::vm {
namespace {

using Verb = PageRequest::Verb;

constexpr auto kHelloLimit = std::chrono::seconds(10);
/// For a server that has been started and does not listen yet.
constexpr auto kStartLimit = std::chrono::seconds(5);
constexpr auto kStartPause = std::chrono::milliseconds(10);

constexpr std::array<std::pair<std::string_view, Verb>, 5> kVerbs{{{"hello", Verb::kHello},
                                                                   {"attach", Verb::kAttach},
                                                                   {"started", Verb::kStarted},
                                                                   {"prefetch", Verb::kPrefetch},
                                                                   {"health", Verb::kHealth}}};

}  // namespace

std::string to_line(const PageRequest& request) {
  std::string line;
  for (const auto& [name, verb] : kVerbs) {
    if (verb == request.verb) line = name;
  }
  if (request.verb == Verb::kAttach) line += ' ' + request.clone;
  return line + '\n';
}

Result<PageRequest> parse_page_request(std::string_view line) {
  const auto space = line.find(' ');
  const auto word = line.substr(0, space);
  for (const auto& [name, verb] : kVerbs) {
    if (word != name) continue;
    if ((verb == Verb::kAttach) != (space != std::string_view::npos)) break;
    PageRequest request{verb};
    if (verb == Verb::kAttach) request.clone = line.substr(space + 1);
    if (verb == Verb::kAttach && !is_id(request.clone)) break;
    return request;
  }
  return fail(EPROTO, "a page server does not know this request",
              "the clone is of another version of fcvm: serve the snapshot with that one");
}

Result<Fd> connect_page_server(const Paths& paths, pid_t pid) {
  const auto deadline = base::Deadline::in(kStartLimit);
  for (;;) {
    auto socket = base::connect_unix(paths.page_server(pid).string());
    const int code = socket ? 0 : socket.error().code();
    if (code != ENOENT && code != ECONNREFUSED) return socket;
    // One that was started a moment ago reads the snapshot first.
    if (deadline.expired() || !base::identify(pid)) break;
    std::this_thread::sleep_for(kStartPause);
  }
  return fail(ESRCH, fmt::format("process {} serves no snapshot", pid),
              "fcvm snapshot serve SNAPSHOT starts one that does, and prints its number");
}

Result<std::string> served_snapshot(const Paths& paths, pid_t pid) {
  const Fd connection = FCVM_TRY(connect_page_server(paths, pid));
  const auto served = FCVM_TRY(ask_page_server<ask::ServedSnapshot>(
      connection.get(), {Verb::kHello}, -1, base::Deadline::in(kHelloLimit)));
  return served.id;
}

}  // namespace fcvm::vm
