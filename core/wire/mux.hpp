// Mux: many byte streams over the one virtio-serial port between host and guest.
//
// A state machine without input and output of its own, the same at both ends:
//
//   mux.receive(bytes)                 what came from the port; answers through MuxEvents
//   mux.output() / mux.written(n)      what to write to the port now / how much of it was
//
// Only the host opens streams. A guest's life with it:
//
//   events.opened(stream, port)        -> mux.accept(stream) or mux.refuse(stream), now or later
//   events.data(stream, bytes)         -> use or keep them, then mux.consumed(stream, n)
//   mux.send(stream, bytes)            takes what there is room for; events.writable(stream) when
//                                      there is room again
//   mux.finish(stream) / events.eof    half-close, each direction by itself
//   mux.reset(stream) / events.reset   ends both directions at once
//
// A session begins with a hello that carries a nonce of the host's. Whenever a new host end appears
// (the supervisor reconnected, the VM was restored) its hello ends the old session wherever that
// was, in the middle of a frame too: events.reset() for each stream, then events.session_ended().
// A peer that breaks the protocol ends the session likewise, and the next one is begun at once.
//
// What a peer can make this end hold: kMaxStreams streams with kSendQueue bytes each to be sent,
// and whatever the owner has not yet consumed, which is at most kWindow bytes for each stream.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>

#include <fcvm/result.hpp>

#include "core/wire/mux_frame.hpp"

namespace fcvm::wire {

using MuxStreamId = std::uint32_t;

/// What a Mux has to tell its owner, called from within receive(), written() and restart(). Each
/// may call every function of the Mux but these three. A stream is gone once it was refused or
/// reset, or once both ends have finished; its number never comes back in the same session.
class MuxEvents {
 public:
  virtual ~MuxEvents() = default;
  virtual void session_began() {}
  virtual void session_ended([[maybe_unused]] const Error& why) {}
  /// Guest only: the host wants a stream to `port`.
  virtual void opened([[maybe_unused]] MuxStreamId stream, [[maybe_unused]] std::uint32_t port) {}
  virtual void accepted([[maybe_unused]] MuxStreamId stream) {}  // host only
  virtual void refused([[maybe_unused]] MuxStreamId stream) {}   // host only
  /// `bytes` lie in what receive() was given: copy what has to stay.
  virtual void data(MuxStreamId stream, std::span<const char> bytes) = 0;
  virtual void eof(MuxStreamId stream) = 0;
  virtual void reset(MuxStreamId stream) = 0;
  /// Comes once after prepare() or send() gave or took less than was asked for.
  virtual void writable(MuxStreamId stream) = 0;
};

class Mux {
 public:
  enum class Role { kHost, kGuest };
  using NonceSource = std::function<std::uint64_t()>;

  static constexpr std::size_t kMaxStreams = 256;
  static constexpr std::size_t kWindow = 256 * 1024;
  static constexpr std::size_t kSendQueue = 2 * kMuxMaxData;

  /// Numbers that nobody can guess, from the kernel.
  static std::uint64_t random_nonce();

  Mux(Role role, MuxEvents& events, NonceSource nonces = random_nonce);
  Mux(const Mux&) = delete;
  Mux& operator=(const Mux&) = delete;

  // --- the port ---
  void receive(std::span<const char> bytes);
  /// One stretch to write, empty when there is nothing; it stays valid until the next call of
  /// written(), receive() or restart().
  [[nodiscard]] std::span<const char> output();
  void written(std::size_t count);
  /// The port was opened anew: forgets every stream and begins a session.
  void restart();

  // --- streams; on a stream that is gone these do nothing ---
  /// Host only. ENOTCONN while the guest has not answered, EMFILE when there are too many.
  Result<MuxStreamId> open(std::uint32_t port);
  void accept(MuxStreamId stream);
  void refuse(MuxStreamId stream);
  /// Copies as much as there is room for, and says how much that was.
  std::size_t send(MuxStreamId stream, std::span<const char> bytes);
  /// The same without the copy: read straight into what prepare() gives, then commit().
  [[nodiscard]] std::span<char> prepare(MuxStreamId stream, std::size_t wanted);
  void commit(MuxStreamId stream, std::size_t count);
  /// No more will be sent; what was taken still is.
  void finish(MuxStreamId stream);
  void reset(MuxStreamId stream);
  /// The owner is done with `count` bytes of data(), so that as many may follow.
  void consumed(MuxStreamId stream, std::size_t count);

 private:
  friend struct MuxInside;  // what tests look at

  /// Payload with room for a header before it and for one empty frame behind.
  struct Chunk {
    std::unique_ptr<char[]> bytes;
    std::size_t capacity = 0;
    std::size_t begin = kMuxHeaderSize;
    std::size_t end = kMuxHeaderSize;
    [[nodiscard]] std::size_t room() const { return capacity - end; }
    [[nodiscard]] std::span<char> payload() const { return {bytes.get() + begin, end - begin}; }
  };

  enum Pending : unsigned {
    kOpen = 1,
    kAccept = 2,
    kRefuse = 4,
    kCredit = 8,
    kEof = 16,
    kReset = 32
  };

  struct Stream {
    unsigned pending = 0;  // frames to write
    bool accepted = false;
    bool gone = false;  // for the owner; stays only until its last frame is written
    bool blocked = false;
    bool in_turn = false;
    bool finished = false;
    bool eof_written = false;
    bool eof_received = false;
    std::uint32_t port = 0;
    std::size_t credit = 0;        // what the peer lets us queue
    std::size_t window = kWindow;  // what we let the peer send
    std::size_t held = 0;          // came, but is not consumed
    std::size_t given_back = 0;    // consumed, but not yet credited
    std::size_t queued = 0;
    std::deque<Chunk> chunks;
    [[nodiscard]] std::size_t room() const;
  };
  using Streams = std::unordered_map<MuxStreamId, Stream>;

  Stream* live(MuxStreamId id);
  void pend(MuxStreamId id, Stream& stream, unsigned frame);
  void take_turn(MuxStreamId id, Stream& stream);
  void drop(MuxStreamId id);
  void drop_if_done(MuxStreamId id);
  void unblock(MuxStreamId id, Stream& stream);

  // writing: mux_output.cpp
  void stage_hello(MuxHelloKind kind);
  bool stage_next();
  void stage_control(MuxStreamId id, Stream& stream);
  void put_control(MuxFrameType type, MuxStreamId id, std::uint32_t value);
  void stage_data(MuxStreamId id, Stream& stream);
  void stage_part(MuxStreamId id);

  // reading: mux_input.cpp
  void parse(std::span<const char> bytes);
  std::span<const char> gather(std::span<const char> bytes, std::size_t size);
  std::size_t parse_payload(std::span<const char> bytes);
  void on_magic();
  void on_hello();
  void on_hello_to_host(const MuxHello& hello);
  void on_frame();
  void on_open(MuxFrame frame);
  void on_stream_frame(MuxFrame frame);
  void on_answer(MuxFrame frame, Stream& stream);
  void on_data(MuxFrame frame, Stream* stream);
  void on_credit(MuxFrame frame, Stream& stream);
  void on_eof(MuxFrame frame, Stream& stream);
  void begin_session();
  void end_session(const Error& why);
  void violation(const std::string& what);

  const Role role_;
  MuxEvents& events_;
  const NonceSource nonces_;
  std::uint64_t nonce_ = 0;
  bool in_session_ = false;
  Streams streams_;
  MuxStreamId last_opened_ = 0;

  std::deque<MuxStreamId> turns_;
  char control_[8 * kMuxHeaderSize];  // the control frames of one stream's turn, or a hello
  std::size_t control_size_ = 0;
  Chunk chunk_;  // being written
  MuxStreamId chunk_stream_ = 0;
  std::size_t chunk_next_ = 0;  // where the payload of its next frame begins
  std::span<const char> staged_;

  enum class Expect { kMagic, kHello, kHeader, kPayload };
  Expect expect_ = Expect::kMagic;
  std::size_t magic_matched_ = 0;
  char gathered_[kMuxHeaderSize];
  std::size_t gathered_size_ = 0;
  MuxStreamId payload_stream_ = 0;
  std::size_t payload_left_ = 0;
};

}  // namespace fcvm::wire
