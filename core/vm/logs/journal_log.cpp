// See journal_log.hpp. The protocol: systemd.io/JOURNAL_NATIVE_PROTOCOL.
#include "core/vm/logs/journal_log.hpp"

#include <algorithm>
#include <chrono>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "core/log/log.hpp"
#include "core/vm/logs/log_line.hpp"

namespace fcvm::vm {
namespace {

/// How long the container may be held back by a journal that is busy.
constexpr std::chrono::seconds kPatience{1};
/// And how long it is not, after one that stayed busy.
constexpr std::chrono::seconds kNoPatience{5};

/// As text may hold any byte, its size stands before it.
void put_binary(std::string& entry, std::string_view key, std::string_view value) {
  entry.append(key) += '\n';
  for (int shift = 0; shift < 64; shift += 8) {
    entry += static_cast<char>(static_cast<std::uint64_t>(value.size()) >> shift);
  }
  entry.append(value) += '\n';
}

}  // namespace

Result<JournalLog> JournalLog::open(const std::string& id, const std::string& name,
                                    std::filesystem::path socket) {
  Fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd) return fail_errno("opening the journal");
  if (socket.string().size() >= sizeof(sockaddr_un::sun_path)) {
    return fail(ENAMETOOLONG, "opening the journal " + socket.string());
  }
  return JournalLog(std::move(fd), std::move(socket),
                    "CONTAINER_ID=" + id + "\nCONTAINER_ID_FULL=" + id +
                        "\nCONTAINER_NAME=" + name + "\nSYSLOG_IDENTIFIER=" + name + "\n");
}

Result<void> JournalLog::write(LogStream stream, std::string_view bytes) {
  begin_waiting();
  std::string& waiting = waiting_[static_cast<std::size_t>(stream)];
  while (!bytes.empty()) {
    const std::size_t room = kLogPiece - waiting.size();
    const std::size_t newline = bytes.substr(0, room + 1).find('\n');
    const bool complete = newline != std::string_view::npos;
    const std::size_t taken = complete ? newline : std::min(room, bytes.size());
    waiting.append(bytes.substr(0, taken));
    bytes.remove_prefix(taken + (complete ? 1 : 0));
    if (!complete && bytes.empty()) break;
    send(stream, waiting, complete);
    waiting.clear();
  }
  return {};
}

/// One limit for all the lines of a call.
void JournalLog::begin_waiting() {
  patience_ = busy_until_.expired() ? base::Deadline::in(kPatience) : base::Deadline::at_ns(0);
}

Result<void> JournalLog::finish() {
  begin_waiting();
  for (const LogStream stream : {LogStream::kStdout, LogStream::kStderr}) {
    std::string& waiting = waiting_[static_cast<std::size_t>(stream)];
    if (!waiting.empty()) send(stream, waiting, true);
    waiting.clear();
  }
  return {};
}

void JournalLog::send(LogStream stream, std::string_view text, bool complete) {
  std::string entry = fields_;
  entry += stream == LogStream::kStdout ? "PRIORITY=6\n" : "PRIORITY=3\n";
  if (!complete) entry += "CONTAINER_PARTIAL_MESSAGE=true\n";
  put_binary(entry, "MESSAGE", text);
  const auto sent = send_datagram(entry);
  if (sent) return;
  if (const auto unsaid = failures_.admit()) {
    log::warning("vm", "the journal takes no output of the container: {}{}", sent.error().message(),
                 *unsaid == 0 ? "" : fmt::format(" ({} entries before this one, too)", *unsaid));
  }
}

Result<void> JournalLog::send_datagram(std::string_view entry) {
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  socket_.string().copy(to.sun_path, sizeof to.sun_path - 1);
  for (;;) {
    const ssize_t sent =
        ::sendto(fd_.get(), entry.data(), entry.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
                 reinterpret_cast<const sockaddr*>(&to), sizeof to);
    if (sent >= 0) return {};
    if (errno != EAGAIN && errno != EINTR) return fail_errno(socket_.string());
    // Who sends to a full socket without being connected to it has nothing to poll for.
    if (patience_.expired()) {
      if (busy_until_.expired()) busy_until_ = base::Deadline::in(kNoPatience);
      return fail(ETIMEDOUT, socket_.string() + ": it is busy");
    }
    ::poll(nullptr, 0, 1);
  }
}

}  // namespace fcvm::vm
