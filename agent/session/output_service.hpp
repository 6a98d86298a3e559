// OutputService: carries the container's standard streams to the host; see core/wire/output.hpp.
//
// Owns the container's pipes or terminal, a ring for each output stream, and the one connection
// that is attached.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "agent/loop.hpp"
#include "agent/process/process.hpp"
#include "agent/session/output_ring.hpp"
#include "agent/session/sessions.hpp"
#include "agent/transport/greeting.hpp"
#include "agent/transport/stream.hpp"
#include "core/wire/output.hpp"

namespace fcvm::agent {

class OutputService {
 public:
  explicit OutputService(Loop& loop) : loop_(loop), sessions_(loop) {}

  void serve(base::Fd socket);

  /// Before the container starts; the host may be attached already.
  void take_streams(base::Fd in, base::Fd out, base::Fd err, bool tty);

  /// The container stands still: what it has written until now is not new to a clone.
  void mark();
  /// The container has ended: its streams end with what lies in them now.
  void container_ended();
  /// From here on the end of a stream is not that of the output: the container starts again.
  void hold() { held_ = true; }
  /// No longer so.
  void release();
  /// Calls back once every byte was acknowledged, or the time is over: before a poweroff.
  void when_delivered(std::chrono::milliseconds most, std::function<void()> then);

 private:
  static constexpr std::size_t kRing = 1 << 20;
  static constexpr std::size_t kStdinWindow = 256 << 10;

  struct Session {
    Session(Loop& loop, base::Fd socket) : stream(loop, std::move(socket), wire::kMaxOutputFrame) {}
    Stream stream;
    Greeting greeting;
    bool attached = false;
  };
  struct Output {
    wire::Stream name;
    OutputRing ring;
    base::Fd source;
    bool watched = false;
    bool over = false;  // its end is at ring.end()
    std::uint64_t sent = 0;
    std::uint64_t frozen = 0;  // where it was at the last mark()
    bool end_sent = false;
  };

  Result<void> on_frame(Session& session, const wire::Frame& frame);
  Result<void> on_attach(Session& session, const wire::OutputAttach& attach);
  Result<void> on_ack(const wire::OutputAck& ack);
  Result<void> on_stdin(const wire::StreamData& data);
  void on_session_closed(Session& session);

  [[nodiscard]] static std::uint64_t start_of(const Output& output, std::uint64_t asked);
  void read(Output& output);
  [[nodiscard]] bool read_once(Output& output);
  void drain(Output& output);
  void watch(Output& output);
  void end(Output& output);
  void send(Output& output);
  void send_all();
  void write_stdin();
  void grant_stdin();
  void end_stdin();
  void check_delivered();

  Loop& loop_;
  Sessions<Session> sessions_;
  Session* attached_ = nullptr;
  std::array<Output, 2> outputs_ = {Output{wire::Stream::kStdout, OutputRing(kRing), {}},
                                    Output{wire::Stream::kStderr, OutputRing(kRing), {}}};
  bool tty_ = false;
  bool held_ = false;
  base::Fd stdin_;
  std::string stdin_queue_;
  std::uint64_t stdin_received_ = 0;  // offset behind the last byte that came
  std::uint64_t stdin_granted_ = kStdinWindow;
  bool stdin_over_ = false;
  bool stdin_gone_ = false;  // nobody reads it any more
  bool stdin_watched_ = false;
  std::function<void()> delivered_;
  Loop::TimerId delivery_timer_;
};

}  // namespace fcvm::agent
