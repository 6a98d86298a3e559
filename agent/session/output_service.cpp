// The container's streams between its pipes, the rings and the host; see output_service.hpp.
#include "agent/session/output_service.hpp"

#include <algorithm>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "agent/log.hpp"

namespace fcvm::agent {

void OutputService::serve(base::Fd socket) {
  auto& session = sessions_.add(std::make_unique<Session>(loop_, std::move(socket)));
  const auto started = session.stream.start(
      {[this, &session](const wire::Frame& frame) { return on_frame(session, frame); },
       [this, &session] { on_session_closed(session); }, [this] { send_all(); }});
  if (!started) return sessions_.end(session);
  session.greeting.say(session.stream);
}

void OutputService::on_session_closed(Session& session) {
  if (attached_ == &session) attached_ = nullptr;
  sessions_.end(session);
}

void OutputService::take_streams(base::Fd in, base::Fd out, base::Fd err, bool tty) {
  tty_ = tty;
  stdin_ = std::move(in);
  stdin_gone_ = !stdin_;
  for (Output& output : outputs_) {
    // Somebody may hold the streams of the container that was there before.
    if (std::exchange(output.watched, false)) loop_.forget(output.source.get());
  }
  outputs_[0].source = std::move(out);
  outputs_[1].source = std::move(err);
  for (Output& output : outputs_) {
    if (output.source) {
      watch(output);
    } else {
      end(output);
    }
  }
  write_stdin();
}

// --- the host's side ---

Result<void> OutputService::on_frame(Session& session, const wire::Frame& frame) {
  if (FCVM_TRY(session.greeting.take(frame))) return {};
  if (!session.attached) {
    return on_attach(session, FCVM_TRY(wire::decode<wire::OutputAttach>(frame)));
  }
  switch (frame.type) {
    case wire::OutputAck::kType:
      return on_ack(FCVM_TRY(wire::decode<wire::OutputAck>(frame)));
    case wire::kStreamDataType:
      return on_stdin(FCVM_TRY(wire::decode_stream_data(frame)));
    case wire::StdinEnd::kType:
      if (FCVM_TRY(wire::decode<wire::StdinEnd>(frame)).offset != stdin_received_) {
        return fail(EPROTO, "output: stdin ends where it was not");
      }
      stdin_over_ = true;
      write_stdin();
      return {};
    case wire::Resize::kType: {
      const auto size = FCVM_TRY(wire::decode<wire::Resize>(frame));
      const winsize window{size.rows, size.columns, 0, 0};
      if (tty_ && stdin_) ::ioctl(stdin_.get(), TIOCSWINSZ, &window);
      return {};
    }
    default:
      return fail(EPROTO, "output: unexpected message " + std::to_string(frame.type));
  }
}

std::uint64_t OutputService::start_of(const Output& output, std::uint64_t asked) {
  if (asked == wire::kOldestOffset) return output.ring.begin();
  // A source whose host went on after the snapshot has let go of more than was new then.
  if (asked == wire::kFrozenOffset) return std::max(output.frozen, output.ring.begin());
  return asked;
}

Result<void> OutputService::on_attach(Session& session, const wire::OutputAttach& attach) {
  const std::array<std::uint64_t, 2> from = {attach.stdout_from, attach.stderr_from};
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    Output& output = outputs_[i];
    const std::uint64_t start = start_of(output, from[i]);
    if (start < output.ring.begin() || !output.ring.acknowledge(start)) {
      return fail(ERANGE, "output: offset " + std::to_string(start) + " is not kept, only " +
                              std::to_string(output.ring.begin()) + " to " +
                              std::to_string(output.ring.end()));
    }
    output.sent = start;
    output.end_sent = false;
  }
  if (attached_ != nullptr) attached_->stream.refuse(Error(EBUSY, "output: another host attached"));
  attached_ = &session;
  session.attached = true;
  session.stream.send(wire::encode(
      wire::OutputAttached{outputs_[0].sent, outputs_[1].sent, stdin_received_, stdin_granted_}));
  for (Output& output : outputs_) watch(output);
  send_all();
  return {};
}

Result<void> OutputService::on_ack(const wire::OutputAck& ack) {
  for (Output& output : outputs_) {
    if (output.name != ack.stream) continue;
    if (ack.offset > output.sent || !output.ring.acknowledge(ack.offset)) {
      return fail(ERANGE, "output: acknowledged more than was sent");
    }
    watch(output);
    check_delivered();
    return {};
  }
  return fail(EPROTO, "output: acknowledged a stream that there is not");
}

void OutputService::send_all() {
  for (Output& output : outputs_) send(output);
}

void OutputService::send(Output& output) {
  if (attached_ == nullptr) return;
  while (attached_ != nullptr && attached_->stream.open() && !attached_->stream.congested()) {
    const auto bytes = output.ring.from(output.sent, wire::kMaxOutputData);
    if (bytes.empty()) break;
    const std::uint64_t offset = output.sent;
    output.sent += bytes.size();
    attached_->stream.send(wire::encode_stream_data({output.name, offset, bytes}));
  }
  if (attached_ != nullptr && output.over && output.sent == output.ring.end() &&
      !std::exchange(output.end_sent, true)) {
    attached_->stream.send(wire::encode(wire::OutputEnd{output.name, output.ring.end()}));
  }
}

// --- the container's side ---

void OutputService::watch(Output& output) {
  if (!output.source) return;
  const bool wanted = !output.ring.room().empty();
  if (output.watched == wanted) return;
  output.watched = wanted;
  if (!wanted) return loop_.forget(output.source.get());
  const auto watched =
      loop_.watch(output.source.get(), EPOLLIN, [this, &output](Loop::Events) { read(output); });
  if (!watched) log_line(watched.error().message());
}

void OutputService::read(Output& output) {
  static_cast<void>(read_once(output));
  send(output);
}

// False when there was nothing to read, or no room for it.
bool OutputService::read_once(Output& output) {
  const auto room = output.ring.room();
  if (room.empty()) {
    watch(output);
    return false;
  }
  const ssize_t got = ::read(output.source.get(), room.data(), room.size());
  if (got > 0) {
    output.ring.filled(static_cast<std::size_t>(got));
    watch(output);
    return true;
  }
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  end(output);  // 0, or a terminal's EIO
  return false;
}

void OutputService::end(Output& output) {
  if (std::exchange(output.watched, false)) loop_.forget(output.source.get());
  output.source = base::Fd();
  output.over = !held_;
  send(output);
  check_delivered();
}

// Whoever holds the pipes still does not belong to the container, for its cgroup is gone; what is
// left in them goes on until their end, as far as there is room.
void OutputService::container_ended() {
  stdin_gone_ = true;
  write_stdin();
  for (Output& output : outputs_) {
    if (!output.source) continue;
    drain(output);
    send(output);
  }
}

void OutputService::drain(Output& output) {
  while (output.source && read_once(output)) {
  }
}

void OutputService::mark() {
  for (Output& output : outputs_) {
    drain(output);
    output.frozen = output.ring.end();
    send(output);
  }
}

void OutputService::release() {
  held_ = false;
  for (Output& output : outputs_) {
    if (!output.source && !output.over) end(output);
  }
}

void OutputService::when_delivered(std::chrono::milliseconds most, std::function<void()> then) {
  delivered_ = std::move(then);
  delivery_timer_ = loop_.after(most, [this] {
    if (const auto then_run = std::exchange(delivered_, nullptr)) then_run();
  });
  check_delivered();
}

void OutputService::check_delivered() {
  if (!delivered_) return;
  for (const Output& output : outputs_) {
    if (output.source || output.ring.begin() != output.ring.end()) return;
  }
  loop_.cancel(delivery_timer_);
  loop_.soon(std::exchange(delivered_, nullptr));
}

}  // namespace fcvm::agent
