// The output protocol: the container's standard streams, of which no byte is lost or doubled.
//
//   host  -> Hello, OutputAttach, then OutputAck, StdinData (raw), StdinEnd, Resize
//   guest -> Hello, OutputAttached, then OutputData (raw), OutputEnd, StdinLimit
//
// Owns the messages. Every byte of a stream has an offset, counted from the container's start. The
// guest keeps what was not acknowledged in a ring; a host that dials again says where it was.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/wire/hello.hpp"
#include "core/wire/message.hpp"

namespace fcvm::wire {

constexpr std::size_t kMaxOutputData = 256 << 10;
constexpr std::size_t kMaxOutputFrame = kMaxOutputData + 64;
/// Attach here to take a stream from wherever the guest's ring begins.
constexpr std::uint64_t kOldestOffset = UINT64_MAX;
/// And here for what the container has written since it was last told to stand still (Freeze): what
/// is new in a clone.
constexpr std::uint64_t kFrozenOffset = UINT64_MAX - 1;

enum class Stream : std::uint8_t { kStdin = 0, kStdout = 1, kStderr = 2 };

/// Where the host was; everything before counts as acknowledged. The newest attachment wins.
struct OutputAttach {
  static constexpr std::uint16_t kType = 48;

  std::uint64_t stdout_from = kOldestOffset;
  std::uint64_t stderr_from = kOldestOffset;

  FCVM_FIELDS(visit(1, self.stdout_from); visit(2, self.stderr_from);)
};

/// From where the guest goes on, and how far its own records of stdin go.
struct OutputAttached {
  static constexpr std::uint16_t kType = 49;

  std::uint64_t stdout_from = 0;
  std::uint64_t stderr_from = 0;
  std::uint64_t stdin_from = 0;   // send stdin from this offset on
  std::uint64_t stdin_limit = 0;  // and no further than this one

  FCVM_FIELDS(visit(1, self.stdout_from); visit(2, self.stderr_from); visit(3, self.stdin_from);
              visit(4, self.stdin_limit);)
};

/// The host has everything before `offset` where it will survive the host's own end.
struct OutputAck {
  static constexpr std::uint16_t kType = 50;

  Stream stream = Stream::kStdout;
  std::uint64_t offset = 0;

  FCVM_FIELDS(visit(1, self.stream); visit(2, self.offset);)
};

struct OutputEnd {
  static constexpr std::uint16_t kType = 51;

  Stream stream = Stream::kStdout;
  std::uint64_t offset = 0;

  FCVM_FIELDS(visit(1, self.stream); visit(2, self.offset);)
};

struct StdinEnd {
  static constexpr std::uint16_t kType = 52;

  std::uint64_t offset = 0;

  FCVM_FIELDS(visit(1, self.offset);)
};

/// The guest takes stdin up to, and without, this offset.
struct StdinLimit {
  static constexpr std::uint16_t kType = 53;

  std::uint64_t offset = 0;

  FCVM_FIELDS(visit(1, self.offset);)
};

struct Resize {
  static constexpr std::uint16_t kType = 54;

  std::uint16_t rows = 0;
  std::uint16_t columns = 0;

  FCVM_FIELDS(visit(1, self.rows); visit(2, self.columns);)
};

/// The raw frame of bytes: u64 offset | u8 stream | 7 zero | bytes. Both ways, kStdin upwards.
constexpr std::uint16_t kStreamDataType = 55;
constexpr std::size_t kStreamDataHeader = 16;

struct StreamData {
  Stream stream;
  std::uint64_t offset;
  std::string_view bytes;
};

[[nodiscard]] std::string encode_stream_data(const StreamData& data);
Result<StreamData> decode_stream_data(const Frame& frame);

}  // namespace fcvm::wire
