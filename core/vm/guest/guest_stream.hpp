// GuestStream: one stream to a guest port, as frames. Owns its descriptor and what came and was not
// taken yet; blocking, with deadlines. The guest is hostile: nothing it sends is believed or held
// beyond the limit given here.
#pragma once

#include <cstddef>
#include <mutex>
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

  /// Ends the frames, where a protocol goes over to raw bytes: the stream, and what came already.
  struct Raw {
    Fd fd;
    std::string received;
  };
  [[nodiscard]] Raw release_raw() && { return {std::move(fd_), frames_.take_rest()}; }

  /// Makes a receive() on another thread fail at once.
  void shut_down();

  /// For a conversation that goes on in both directions at once.
  [[nodiscard]] FrameLink release() && { return {std::move(fd_), std::move(frames_)}; }

  [[nodiscard]] const wire::Hello& peer() const { return peer_; }
  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  GuestStream(Fd fd, std::size_t max_payload) : fd_(std::move(fd)), frames_(max_payload) {}

  Fd fd_;
  wire::FrameBuffer frames_;
  wire::Hello peer_;
};

}  // namespace fcvm::vm
