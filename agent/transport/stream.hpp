// Stream: owns one accepted connection, cuts what comes into frames, and queues what goes.
//
// It never waits. Who sends looks at congested() and goes on from on_drained. After on_closed it
// does nothing more; its owner deletes it (by Loop::soon, from inside a callback).
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <fcvm/result.hpp>

#include "agent/loop.hpp"
#include "core/base/io/fd.hpp"
#include "core/wire/frame.hpp"

namespace fcvm::agent {

class Stream {
 public:
  struct Callbacks {
    /// An error ends the stream, after a Refusal that says why.
    std::function<Result<void>(const wire::Frame&)> on_frame;
    std::function<void()> on_closed;
    std::function<void()> on_drained;  // may be empty
  };

  Stream(Loop& loop, base::Fd fd, std::size_t max_payload);
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  Result<void> start(Callbacks callbacks);

  void send(std::string_view frames);
  /// Room for a frame of raw bytes; what lies there is sent by commit_data().
  [[nodiscard]] std::span<char> prepare_data(std::size_t size);
  void commit_data(std::uint16_t type, std::size_t size);

  /// More is queued than is worth adding to.
  [[nodiscard]] bool congested() const { return queued() > kCongested; }
  [[nodiscard]] bool open() const { return fd_.valid(); }

  /// Sends what is queued, then closes; on_closed comes after.
  void finish();
  /// A Refusal, then finish().
  void refuse(const Error& why);

  /// Ends the framing: gives up the descriptor, what came beyond the last frame and what is not
  /// yet sent. For protocols that go over to raw bytes.
  struct Raw {
    base::Fd fd;
    std::string received;
    std::string unsent;
  };
  [[nodiscard]] Raw release();

 private:
  static constexpr std::size_t kCongested = 512 << 10;
  /// More in the kernel means fewer turns between us and the peer. It may allow less.
  static constexpr int kSocketBuffer = 1 << 20;
  static constexpr std::size_t kReadSize = 64 << 10;

  [[nodiscard]] std::size_t queued() const { return out_end_ - out_begin_; }
  void append(std::string_view bytes);
  [[nodiscard]] char* make_room(std::size_t size);
  void on_events(Loop::Events events);
  void read_once();
  void take_frames();
  void flush();
  void update();
  void close();

  Loop& loop_;
  base::Fd fd_;
  wire::FrameBuffer in_;
  // Not a string, which would fill with zeros what a read is about to overwrite.
  std::unique_ptr<char[]> out_;
  std::size_t out_size_ = 0;
  std::size_t out_begin_ = 0;  // of what is to be sent
  std::size_t out_end_ = 0;
  bool finishing_ = false;
  bool unheard_ = false;  // the peer reads no more
  bool was_congested_ = false;
  Callbacks callbacks_;
};

}  // namespace fcvm::agent
