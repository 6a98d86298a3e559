// The exec protocol: one command per stream, in the container or in the guest.
//
//   host  -> Hello, ExecRequest ............ ExecGo, then stdin, ExecStdinEnd, Resize, ExecSignal,
//                                                         ExecDetach
//   guest -> Hello, ExecAck or ExecFailed, ......... stdout, stderr, ExecCredit, ExecExit/Failed
//
// Owns the messages. Nothing runs before ExecGo: a host that lost the stream earlier may ask again.
// stdin, stdout and stderr are frames of raw bytes (kExecStdin...). The guest ends the stream after
// ExecExit or ExecFailed; an end without one of them means that the command's fate is unknown.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/wire/copy.hpp"
#include "core/wire/files.hpp"
#include "core/wire/hello.hpp"
#include "core/wire/message.hpp"
#include "core/wire/output.hpp"

namespace fcvm::wire {

constexpr std::size_t kMaxExecData = 256 << 10;
constexpr std::size_t kMaxExecRequest = 4 << 20;

/// Raw frames: the payload is the bytes.
constexpr std::uint16_t kExecStdin = 64;
constexpr std::uint16_t kExecStdout = 65;
constexpr std::uint16_t kExecStderr = 66;

enum class ExecPlace : std::uint8_t { kContainer = 0, kGuest = 1 };

struct ExecRequest {
  static constexpr std::uint16_t kType = 67;

  std::string id;  // of the host's choosing; ExecAck repeats it
  ExecPlace place = ExecPlace::kContainer;
  std::vector<std::string> command;
  std::vector<std::string> environment;  // over the container's
  std::string workdir;                   // empty: the container's
  std::string user;                      // empty: the container's; "name", "uid", "uid:gid"
  bool tty = false;
  bool interactive = false;  // else stdin is /dev/null
  bool privileged = false;
  bool detach = false;  // ExecExit comes as soon as it runs, and it outlives the stream
  std::uint16_t rows = 0;
  std::uint16_t columns = 0;
  CopyOrder copy;   // in place of a command
  FileOrder files;  // likewise

  FCVM_FIELDS(visit(1, self.id); visit(2, self.place); visit(3, self.command);
              visit(4, self.environment); visit(5, self.workdir); visit(6, self.user);
              visit(7, self.tty); visit(8, self.interactive); visit(9, self.privileged);
              visit(10, self.detach); visit(11, self.rows); visit(12, self.columns);
              visit(13, self.copy); visit(14, self.files);)
};

struct ExecAck {
  static constexpr std::uint16_t kType = 68;

  std::string id;
  std::uint64_t stdin_credit = 0;  // bytes of stdin that may be sent before the first ExecCredit
  std::string way;                 // how it gets into the container, for a log

  FCVM_FIELDS(visit(1, self.id); visit(2, self.stdin_credit); visit(3, self.way);)
};

struct ExecGo {
  static constexpr std::uint16_t kType = 69;

  std::string id;

  FCVM_FIELDS(visit(1, self.id);)
};

/// That many bytes of stdin more.
struct ExecCredit {
  static constexpr std::uint16_t kType = 70;

  std::uint64_t bytes = 0;

  FCVM_FIELDS(visit(1, self.bytes);)
};

struct ExecStdinEnd {
  static constexpr std::uint16_t kType = 71;

  FCVM_FIELDS(static_cast<void>(self); static_cast<void>(visit);)
};

struct ExecSignal {
  static constexpr std::uint16_t kType = 72;

  std::int32_t signal = 0;

  FCVM_FIELDS(visit(1, self.signal);)
};

/// The host leaves, and the command goes on: without it, the end of the stream hangs it up.
struct ExecDetach {
  static constexpr std::uint16_t kType = 75;

  FCVM_FIELDS(static_cast<void>(self); static_cast<void>(visit);)
};

struct ExecExit {
  static constexpr std::uint16_t kType = 73;

  std::uint8_t code = 0;    // 128 + n when a signal ended it
  std::int32_t signal = 0;  // n, else 0

  FCVM_FIELDS(visit(1, self.code); visit(2, self.signal);)
};

/// It never ran: 125 the agent's failure, 126 cannot be executed, 127 not found.
struct ExecFailed {
  static constexpr std::uint16_t kType = 74;

  std::uint8_t code = 125;
  std::string message;
  std::string remedy;      // a supervisor's; a guest's is shown to nobody
  std::int32_t error = 0;  // errno; 0: only the code is known

  FCVM_FIELDS(visit(1, self.code); visit(2, self.message); visit(3, self.remedy);
              visit(4, self.error);)
};

}  // namespace fcvm::wire
