// JournalLog: a container's output as entries of the system's journal, over journald's own socket,
// with the fields that podman gives them. The journal bounds what it keeps.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include <fcvm/sdk/fd.hpp>

#include "core/base/deadline.hpp"
#include "core/base/pace.hpp"
#include "core/vm/logs/output_log.hpp"

namespace fcvm::vm {

inline constexpr const char* kJournalSocket = "/run/systemd/journal/socket";

class JournalLog : public OutputLog {
 public:
  [[nodiscard]] static Result<JournalLog> open(const std::string& id, const std::string& name,
                                               std::filesystem::path socket = kJournalSocket);
  /// An entry for each line; a line longer than 16 KiB is several, marked as partial. While the
  /// journal takes none they are dropped, and counted: it may be started anew. One call waits for a
  /// busy journal for a second at most, and after that none does for a while.
  [[nodiscard]] Result<void> write(LogStream stream, std::string_view bytes) override;
  [[nodiscard]] Result<void> finish() override;

 private:
  JournalLog(Fd fd, std::filesystem::path socket, std::string fields)
      : fd_(std::move(fd)), socket_(std::move(socket)), fields_(std::move(fields)) {}

  void begin_waiting();
  void send(LogStream stream, std::string_view text, bool complete);
  Result<void> send_datagram(std::string_view entry);

  Fd fd_;
  std::filesystem::path socket_;
  std::string fields_;  // of every entry
  std::string waiting_[2];
  base::Deadline patience_ = base::Deadline::at_ns(0);  // of the call that runs
  base::Deadline busy_until_ = base::Deadline::at_ns(0);
  base::Repetition failures_;
};

}  // namespace fcvm::vm
