// OutputPump: brings the container's output out of the guest, exactly once and in order, to the
// user's descriptors, to attached clients and into the log, and their stdin into the guest. Owns
// one thread and its stream; dials again when that breaks, from the byte it had come to.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <thread>

#include <fcvm/result.hpp>

#include "core/base/io/shared_writer.hpp"
#include "core/base/loop/interest.hpp"
#include "core/base/loop/loop.hpp"
#include "core/base/pace.hpp"
#include "core/vm/guest/attachments.hpp"
#include "core/vm/guest/guest_control.hpp"
#include "core/vm/guest/stdin_feed.hpp"
#include "core/vm/logs/output_log.hpp"
#include "core/wire/output.hpp"

namespace fcvm::vm {

class OutputPump {
 public:
  struct Sinks {
    int stdout_fd = -1;  // borrowed; -1 when the one who runs the container is attached, or nobody
    int stderr_fd = -1;
    std::unique_ptr<OutputLog> log{};
    /// Only what the container writes after its snapshot; else all that it has written.
    bool of_clone = false;
  };

  /// Called on this object's thread; on_end once.
  struct Callbacks {
    std::function<void()> on_end;          // both streams have ended and are written out
    std::function<void()> on_sink_closed;  // the user's stdout or stderr has gone (`| head -1`)
    Attachments::Callbacks attached{};     // on_resize is this object's own
  };

  /// `attachments` outlives this object, which polls them while it runs.
  OutputPump(DialGuest dial, Attachments& attachments, Sinks sinks, Callbacks callbacks);
  OutputPump(const OutputPump&) = delete;
  OutputPump& operator=(const OutputPump&) = delete;
  ~OutputPump();

  /// Serves attachments from now on.
  Result<void> start();
  /// From any thread, once started: the guest listens, so that dialling it makes sense.
  void guest_is_up();
  /// Likewise: there is something new in the attachments.
  void wake();

 private:
  struct Side {
    std::uint64_t taken = 0;
    std::uint64_t acknowledged = 0;
    bool ended = false;
    bool end_told = false;  // on this connection
  };

  void run();
  Result<void> step();
  void watch();
  [[nodiscard]] bool idle() const;
  [[nodiscard]] base::Deadline paced_until() const;
  [[nodiscard]] bool listens() const;
  [[nodiscard]] bool ended() const { return sides_[0].ended && sides_[1].ended; }

  void connect();
  Result<void> open_stream();
  void lose(const Error& error);
  Result<void> serve_guest(base::Loop::Events events);
  Result<void> take_frames();
  Result<void> handle(const wire::Frame& frame);
  Result<void> take(const wire::StreamData& data);
  Result<void> take_end(const wire::OutputEnd& end);
  Result<void> take_attached(const wire::OutputAttached& attached);
  void acknowledge();
  Result<void> feed_guest();
  void write_log(wire::Stream from, std::string_view bytes);
  void write_out(wire::Stream from, std::string_view bytes);
  void close_sink(base::SharedWriter& sink, const Error& error);
  Side& side(wire::Stream stream);

  DialGuest dial_;
  Attachments& attachments_;
  std::unique_ptr<OutputLog> log_;
  Callbacks callbacks_;
  std::unique_ptr<base::Loop> loop_;  // null before start()

  // The thread's alone.
  bool guest_up_ = false;
  bool stopping_ = false;
  std::array<base::SharedWriter, 2> sinks_;
  std::array<std::optional<base::Interest>, 2> of_sinks_;
  std::optional<base::Interest> of_guest_;
  std::array<Side, 2> sides_;
  std::optional<FrameLink> guest_;
  bool begins_frozen_ = false;   // where is known once the guest has attached
  bool guest_attached_ = false;  // it has said from where it goes on
  base::Deadline next_dial_ = base::Deadline::at_ns(0);
  base::RedialPause redial_pause_;
  base::FrameBudget useless_{1000, 1000};
  base::FrameBudget small_{20'000, 20'000};  // frames of output with little in them
  base::Repetition log_failures_;
  StdinFeed stdin_;
  std::optional<wire::Resize> size_;
  bool size_is_new_ = false;  // to the guest
  std::thread thread_;
};

}  // namespace fcvm::vm
