// OrderUnderWay: the host's end of one order about files (core/wire/files.hpp). Owns the stream.
// Blocking, one thread at a time; only cancel() may come from another one.
//
// The guest is hostile: of what it says, one message and a little of its reasons is held.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <fcvm/result.hpp>

#include "core/vm/client/exec_client.hpp"
#include "core/wire/files.hpp"

namespace fcvm::vm {

class OrderUnderWay {
 public:
  explicit OrderUnderWay(ExecBegun begun)
      : stream_(std::move(begun.stream)), credit_(begun.stdin_credit) {}
  OrderUnderWay(const OrderUnderWay&) = delete;
  OrderUnderWay& operator=(const OrderUnderWay&) = delete;

  /// The next message of the answer; nothing at its end, when the guest had no failure.
  template <typename Message>
  Result<std::optional<Message>> next(base::Deadline deadline) {
    const auto frame = FCVM_TRY(next_frame(deadline));
    if (!frame) return std::optional<Message>();
    auto message = FCVM_TRY(wire::decode<Message>(*frame));
    return std::optional<Message>(std::move(message));
  }
  /// The one message that the answer has to have.
  template <typename Message>
  Result<Message> expect(base::Deadline deadline) {
    auto message = FCVM_TRY(next<Message>(deadline));
    if (!message) return fail(EPROTO, "the guest answered nothing");
    return *std::move(message);
  }
  /// After the messages: some raw bytes of the answer; 0 at its end.
  Result<std::size_t> read(std::span<char> into, base::Deadline deadline);

  /// Fails with the guest's reason when it gave up.
  Result<void> write(std::string_view bytes, base::Deadline deadline);
  Result<void> end_input(base::Deadline deadline);

  /// Makes what waits in another thread, and all that comes later, fail.
  void cancel() { stream_.shut_down(); }

 private:
  Result<void> receive(base::Deadline deadline);
  Result<std::optional<wire::Frame>> next_frame(base::Deadline deadline);
  Result<void> outcome();
  Result<void> reason_for(const Result<void>& not_sent, base::Deadline deadline);

  GuestStream stream_;
  std::uint64_t credit_;
  wire::FrameBuffer messages_{wire::kMaxFileAnswer};
  std::string rest_;        // raw bytes that came with the messages
  std::string_view piece_;  // came and was not taken; lives until the next receive()
  std::optional<int> exit_code_;
  std::string failure_;
};

}  // namespace fcvm::vm
