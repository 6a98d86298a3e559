// See file_order.hpp.
#include "core/vm/client/file_order.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

#include "core/base/printable.hpp"
#include "core/vm/guest/guest_text.hpp"

namespace fcvm::vm {
namespace {

constexpr std::size_t kLargestPiece = 64 << 10;
constexpr std::size_t kLargestFailure = 16 << 10;
/// The kernel has none beyond.
constexpr int kLargestErrno = 4095;

Error reason_of(std::int32_t code, const std::string& message) {
  const bool is_errno = code > 0 && code <= kLargestErrno;
  return Error(is_errno ? code : EIO, cut_guest_text(base::printable(message)));
}

}  // namespace

// One frame. The end of the stream before an exit code is an error of GuestStream::receive's.
Result<void> OrderUnderWay::receive(base::Deadline deadline) {
  const wire::Frame frame = FCVM_TRY(stream_.receive(deadline));
  switch (frame.type) {
    case wire::kExecStdout:
      piece_ = frame.payload;
      return {};
    case wire::kExecStderr:
      failure_.append(frame.payload.substr(0, kLargestFailure - failure_.size()));
      return {};
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
    case wire::ExecFailed::kType: {
      const auto failed = FCVM_TRY(wire::decode<wire::ExecFailed>(frame));
      return Unexpected(reason_of(failed.error, failed.message));
    }
    default:
      return fail(EPROTO, "the guest sent the unexpected message " + std::to_string(frame.type));
  }
}

Result<std::optional<wire::Frame>> OrderUnderWay::next_frame(base::Deadline deadline) {
  for (;;) {
    if (auto frame = FCVM_TRY(messages_.next())) return frame;
    if (exit_code_) {
      FCVM_TRY(outcome());
      return std::optional<wire::Frame>();
    }
    FCVM_TRY(receive(deadline));
    messages_.append(std::exchange(piece_, {}));
  }
}

Result<void> OrderUnderWay::outcome() {
  if (exit_code_ == 0) return {};
  wire::FrameBuffer frames(kLargestFailure);
  frames.append(failure_);
  const auto frame = FCVM_TRY(frames.next());
  if (!frame) return fail(EIO, "the guest's end of the order was ended");
  const auto failure = FCVM_TRY(wire::decode<wire::FileFailure>(*frame));
  return Unexpected(reason_of(failure.code, failure.message));
}

Result<std::size_t> OrderUnderWay::read(std::span<char> into, base::Deadline deadline) {
  if (piece_.empty()) {
    rest_ = messages_.take_rest();
    piece_ = rest_;
  }
  while (piece_.empty() && !exit_code_) FCVM_TRY(receive(deadline));
  if (piece_.empty()) {
    FCVM_TRY(outcome());
    return std::size_t{0};
  }
  const std::size_t size = std::min(into.size(), piece_.size());
  std::memcpy(into.data(), piece_.data(), size);
  piece_.remove_prefix(size);
  return size;
}

Result<void> OrderUnderWay::write(std::string_view bytes, base::Deadline deadline) {
  while (!bytes.empty()) {
    while (credit_ == 0 && !exit_code_) FCVM_TRY(receive(deadline));
    if (exit_code_) {
      FCVM_TRY(outcome());
      return fail(EPROTO, "the guest took less than it was sent");
    }
    const auto size = static_cast<std::size_t>(
        std::min<std::uint64_t>({bytes.size(), credit_, std::uint64_t{kLargestPiece}}));
    std::string frame;
    wire::append_frame(frame, wire::kExecStdin, bytes.substr(0, size));
    if (auto sent = stream_.send_bytes(frame, deadline); !sent) return reason_for(sent, deadline);
    credit_ -= size;
    bytes.remove_prefix(size);
  }
  return {};
}

Result<void> OrderUnderWay::end_input(base::Deadline deadline) {
  if (exit_code_) return {};
  auto sent = stream_.send(wire::ExecStdinEnd{}, deadline);
  return sent ? sent : reason_for(sent, deadline);
}

// A guest that gave up has said why before it closed the stream.
Result<void> OrderUnderWay::reason_for(const Result<void>& not_sent, base::Deadline deadline) {
  while (!exit_code_) {
    const auto received = receive(deadline);
    if (!received) return not_sent;
  }
  FCVM_TRY(outcome());
  return not_sent;
}

}  // namespace fcvm::vm
