// FrameLink: frames over a socket for somebody who polls. Owns the socket, what came and was not
// taken, and what waits to go; never blocks. The peer may be hostile, so what waits is bounded. One
// thread may take while another one sends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <fcvm/result.hpp>
#include <fcvm/sdk/fd.hpp>

#include "core/wire/frame.hpp"
#include "core/wire/message.hpp"

namespace fcvm::vm {

class FrameLink {
 public:
  /// Who has so much waiting takes nothing more from the peer until it reads: otherwise a peer that
  /// asks and never reads would make the answers pile up here.
  static constexpr std::size_t kCongested = 1 << 20;
  /// More is never held: what is sent beyond it is dropped, and the link is lost.
  static constexpr std::size_t kMostQueued = 4 << 20;

  /// `received` came already, behind a handshake.
  FrameLink(Fd socket, wire::FrameBuffer received)
      : socket_(std::move(socket)), received_(std::move(received)) {}

  /// The next frame that is here as a whole; its payload lives until the next call.
  [[nodiscard]] Result<std::optional<wire::Frame>> next() { return received_.next(); }
  /// Takes in what has come, without waiting. False at the end of the stream.
  [[nodiscard]] Result<bool> read();

  template <typename Message>
  void send(const Message& message) {
    send_bytes(wire::encode(message));
  }
  void send_raw(std::uint16_t type, std::string_view payload);
  void send_bytes(std::string_view frames);
  /// Sends what goes without waiting. EPIPE when the peer has gone, ENOBUFS when more was sent than
  /// may wait for it.
  Result<void> flush();
  /// The same past the queue, which has to be empty: takes what went off the front of `bytes`.
  Result<void> send_some(std::string_view& bytes);

  /// The largest frame from now on.
  void set_max_payload(std::size_t size) { received_.set_max_payload(size); }

  /// Ends the frames, where a protocol goes over to raw bytes: the socket, and what came already.
  struct Raw {
    Fd fd;
    std::string received;
  };
  [[nodiscard]] Raw release_raw() && { return {std::move(socket_), received_.take_rest()}; }

  [[nodiscard]] std::size_t queued() const { return waiting_.size() - sent_; }
  [[nodiscard]] bool congested() const { return queued() >= kCongested; }
  [[nodiscard]] int fd() const { return socket_.get(); }

 private:
  bool make_room(std::size_t size);

  Fd socket_;
  wire::FrameBuffer received_;
  std::string waiting_;
  std::size_t sent_ = 0;
  bool overflown_ = false;
};

}  // namespace fcvm::vm
