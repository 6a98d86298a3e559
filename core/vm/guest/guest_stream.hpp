// GuestStream: a FrameLink to a guest port, greeted, for somebody who waits with deadlines. The
// guest is hostile: nothing it sends is believed or held beyond the limit given here.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <fcvm/result.hpp>
#include <fcvm/sdk/fd.hpp>

#include "core/base/deadline.hpp"
#include "core/vm/guest/frame_link.hpp"
#include "core/wire/frame.hpp"
#include "core/wire/hello.hpp"
#include "core/wire/message.hpp"

namespace fcvm::vm {

class GuestStream {
 public:
  /// Exchanges hellos. `max_payload` is the largest frame that this port's protocol has.
  [[nodiscard]] static Result<GuestStream> open(Fd fd, std::size_t max_payload,
                                                base::Deadline deadline);

  template <typename Message>
  Result<void> send(const Message& message, base::Deadline deadline = base::Deadline::never()) {
    return send_bytes(wire::encode(message), deadline);
  }
  /// What failed in the middle cannot be gone on with: the stream is shut down.
  Result<void> send_bytes(std::string_view frames,
                          base::Deadline deadline = base::Deadline::never());

  /// The next frame; its payload lives until the next call. EPIPE at the end of the stream,
  /// ETIMEDOUT at the deadline; a Refusal of the guest comes back as the error it carries.
  [[nodiscard]] Result<wire::Frame> receive(base::Deadline deadline);

  /// Where a protocol goes over to raw bytes.
  [[nodiscard]] FrameLink::Raw release_raw() && { return std::move(link_).release_raw(); }

  /// Makes a receive() on another thread fail at once.
  void shut_down();

  /// For a conversation that goes on in both directions at once.
  [[nodiscard]] FrameLink release() && { return std::move(link_); }

  [[nodiscard]] const wire::Hello& peer() const { return peer_; }
  [[nodiscard]] int fd() const { return link_.fd(); }

 private:
  GuestStream(Fd fd, std::size_t max_payload)
      : link_(std::move(fd), wire::FrameBuffer(max_payload)) {}

  FrameLink link_;
  wire::Hello peer_;
};

}  // namespace fcvm::vm
