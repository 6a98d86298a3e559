// What a clone's supervisor asks of a page server. A connection is a clone: its end is the clone's
// end, on either side. Requests and answers are lines, as on a supervisor's control socket:
//
//   hello            {"ok":true,"snapshot":"ID"}
//   attach CLONE     {"ok":true,"type":2,"path":"memory.sock"}    and the clone's directory
//   started          {"ok":true}                                  and the VMM's pidfd
//   prefetch         {"ok":true}
//   health           {"ok":true}
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <fcvm/result.hpp>
#include <fcvm/sdk/fd.hpp>

#include "core/base/deadline.hpp"
#include "core/vm/control/control_protocol.hpp"

namespace fcvm::vm {

struct PageRequest {
  enum class Verb { kHello, kAttach, kStarted, kPrefetch, kHealth };
  Verb verb = Verb::kHello;
  std::string clone{};  // of kAttach
};

[[nodiscard]] std::string to_line(const PageRequest& request);
[[nodiscard]] Result<PageRequest> parse_page_request(std::string_view line);

/// Asks, with a descriptor or -1.
template <typename Answer>
[[nodiscard]] Result<Answer> ask_page_server(int connection, const PageRequest& request, int fd,
                                             base::Deadline deadline) {
  FCVM_TRY(send_control_line(connection, to_line(request), fd));
  auto line = FCVM_TRY(receive_control_line(connection, deadline));
  return ask::decode_answer<Answer>(line.text, std::move(line.fds));
}

/// Of the server that is the process `pid`; ESRCH when there is none.
[[nodiscard]] Result<Fd> connect_page_server(const Paths& paths, pid_t pid);
/// Of the snapshot that it serves.
[[nodiscard]] Result<std::string> served_snapshot(const Paths& paths, pid_t pid);

}  // namespace fcvm::vm
