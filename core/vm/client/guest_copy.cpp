// See guest_copy.hpp.
#include "core/vm/client/guest_copy.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

#include "core/wire/exec.hpp"

namespace fcvm::vm {
namespace {

constexpr std::size_t kPiece = 64 << 10;

}  // namespace

// One frame. The end of the stream before an exit code is an error of receive()'s.
Result<void> GuestCopy::receive() {
  const wire::Frame frame = FCVM_TRY(stream_.receive(base::Deadline::never()));
  switch (frame.type) {
    case wire::kExecStdout:
      archive_ = frame.payload;
      return {};
    case wire::kExecStderr: {
      const std::size_t room = kLargestRemarks - remarks_.size();
      remarks_.append(frame.payload.substr(0, room));
      return {};
    }
    case wire::ExecCredit::kType: {
      const auto more = FCVM_TRY(wire::decode<wire::ExecCredit>(frame)).bytes;
      if (more > std::numeric_limits<std::uint64_t>::max() - credit_) {
        return fail(EPROTO, "the guest gives more credit than there is");
      }
      credit_ += more;
      return {};
    }
    case wire::ExecExit::kType:
      exit_code_ = FCVM_TRY(wire::decode<wire::ExecExit>(frame)).code;
      return {};
    case wire::ExecFailed::kType:
      return fail(EIO, FCVM_TRY(wire::decode<wire::ExecFailed>(frame)).message);
    default:
      return fail(EPROTO, "the guest sent the unexpected message " + std::to_string(frame.type));
  }
}

// The last line is the reason.
Result<void> GuestCopy::outcome() {
  if (exit_code_ == 0) return {};
  while (remarks_.ends_with('\n')) remarks_.pop_back();
  const auto line = remarks_.rfind('\n');
  const std::string reason = remarks_.substr(line == std::string::npos ? 0 : line + 1);
  remarks_.resize(line == std::string::npos ? 0 : line + 1);
  if (reason.empty()) return fail(EIO, "the guest's end of the copy was ended");
  return fail(EIO, "in the guest: " + reason);
}

Result<std::size_t> GuestCopy::read(std::span<char> into) {
  while (archive_.empty() && !exit_code_) FCVM_TRY(receive());
  if (archive_.empty()) {
    FCVM_TRY(outcome());
    return std::size_t{0};
  }
  const std::size_t size = std::min(into.size(), archive_.size());
  std::memcpy(into.data(), archive_.data(), size);
  archive_.remove_prefix(size);
  return size;
}

Result<void> GuestCopy::write(std::string_view bytes) {
  while (!bytes.empty()) {
    while (credit_ == 0 && !exit_code_) FCVM_TRY(receive());
    if (exit_code_) {
      FCVM_TRY(outcome());
      return {};  // it has what it wants: the rest is padding
    }
    const auto size = static_cast<std::size_t>(
        std::min<std::uint64_t>({bytes.size(), credit_, std::uint64_t{kPiece}}));
    std::string frame;
    wire::append_frame(frame, wire::kExecStdin, bytes.substr(0, size));
    FCVM_TRY(stream_.send_bytes(frame));
    credit_ -= size;
    bytes.remove_prefix(size);
  }
  return {};
}

Result<void> GuestCopy::finish() {
  if (!exit_code_) FCVM_TRY(stream_.send(wire::ExecStdinEnd{}));
  while (!exit_code_) FCVM_TRY(receive());
  return outcome();
}

}  // namespace fcvm::vm
