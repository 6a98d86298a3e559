#include "core/vm/guest/output_pump.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/core.h>

#include "core/base/io/fd.hpp"
#include "core/log/log.hpp"
#include "core/vm/guest/guest_stream.hpp"
#include "core/vm/guest/guest_text.hpp"
#include "core/wire/ports.hpp"

namespace fcvm::vm {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kAcknowledgeEvery = 64 << 10;
/// More stdin than this is not queued for a guest that does not take it. Far less than what makes
/// the link congested: stdin that waits must not keep output from being read.
constexpr std::size_t kMostStdin = 512 << 10;
/// A frame of output with less in it costs more to take than to carry. A program that writes some
/// ten thousand short lines in a second is not held back.
constexpr std::size_t kSmallOutput = 1024;

}  // namespace

OutputPump::OutputPump(DialGuest dial, Attachments& attachments, Sinks sinks, Callbacks callbacks)
    : dial_(std::move(dial)),
      attachments_(attachments),
      log_(std::move(sinks.log)),
      callbacks_(std::move(callbacks)),
      sinks_{base::SharedWriter(sinks.stdout_fd), base::SharedWriter(sinks.stderr_fd)} {
  begins_frozen_ = sinks.of_clone;
  callbacks_.attached.on_resize = [this](wire::Resize size) {
    size_ = size;
    size_is_new_ = true;
  };
}

OutputPump::~OutputPump() {
  if (!thread_.joinable()) return;
  loop_->post([this] { stopping_ = true; });
  thread_.join();
  attachments_.stop_watching();
}

Result<void> OutputPump::start() {
  loop_ = FCVM_TRY(base::Loop::create());
  for (auto& interest : of_sinks_) interest.emplace(*loop_);
  of_guest_.emplace(*loop_);
  thread_ = std::thread([this] { run(); });
  return {};
}

void OutputPump::guest_is_up() {
  loop_->post([this] { guest_up_ = true; });
}

void OutputPump::wake() {
  loop_->post([] {});
}

void OutputPump::run() {
  while (!stopping_ && !(ended() && idle())) {
    connect();
    if (auto stepped = step(); !stepped) {
      log::warning("vm", "the container's output: {}", stepped.error().message());
      break;
    }
  }
  if (log_) {
    if (auto finished = log_->finish(); !finished) {
      log::warning("vm", "the container's log: {}", finished.error().message());
    }
  }
  if (!stopping_) callbacks_.on_end();
}

/// What was written out is acknowledged, and only then comes more: a slow reader of ours holds the
/// container back, and nothing piles up here.
bool OutputPump::idle() const {
  return sinks_[0].empty() && sinks_[1].empty() && attachments_.idle();
}

/// What a guest says for nothing, or in crumbs, must not come too fast.
base::Deadline OutputPump::paced_until() const {
  return base::Deadline::at_ns(std::max(useless_.ready().as_ns(), small_.ready().as_ns()));
}

/// Whether more of the guest is wanted now. What we have to say to it must get through first.
bool OutputPump::listens() const {
  return idle() && !guest_->congested() && paced_until().expired();
}

/// What cannot be watched has gone, or will never be heard of.
void OutputPump::watch() {
  for (std::size_t i = 0; i < sinks_.size(); ++i) {
    const auto events = base::Loop::events(false, !sinks_[i].empty());
    if (auto watched = of_sinks_[i]->want(sinks_[i].fd(), events); !watched)
      close_sink(sinks_[i], watched.error());
  }
  attachments_.watch(*loop_);
  if (!guest_) return;
  // Not before: whoever was let in just now is waited for no more.
  const auto events = base::Loop::events(listens(), guest_->queued() > 0);
  if (auto watched = of_guest_->want(guest_->fd(), events); !watched) lose(watched.error());
}

/// Waits for whatever may go on, and goes on with it.
Result<void> OutputPump::step() {
  watch();
  base::Deadline limit = guest_up_ && !guest_ ? next_dial_ : base::Deadline::never();
  if (const auto until = paced_until(); guest_ && !until.expired()) {
    limit = base::Deadline::earlier(limit, until);
  }
  FCVM_TRY(loop_->step(limit));
  for (auto& sink : sinks_) {
    if (auto flushed = sink.flush(); !flushed) close_sink(sink, flushed.error());
  }
  attachments_.handle(stdin_, callbacks_.attached);
  if (!guest_) return {};
  if (auto served = serve_guest(of_guest_->take()); !served) lose(served.error());
  return {};
}

void OutputPump::connect() {
  if (guest_ || !guest_up_ || !next_dial_.expired()) return;
  if (auto opened = open_stream(); !opened) lose(opened.error());
}

Result<void> OutputPump::open_stream() {
  Fd fd = FCVM_TRY(dial_(wire::kOutputPort, base::Deadline::in(5s)));
  auto stream =
      FCVM_TRY(GuestStream::open(std::move(fd), wire::kMaxOutputFrame, base::Deadline::in(5s)));
  guest_.emplace(std::move(stream).release());
  redial_pause_.connected();
  guest_->send(begins_frozen_ ? wire::OutputAttach{wire::kFrozenOffset, wire::kFrozenOffset}
                              : wire::OutputAttach{sides_[0].taken, sides_[1].taken});
  return serve_guest(0);  // what came with the greeting is here already, and polls no more
}

void OutputPump::lose(const Error& error) {
  log::debug("guest", "output: {}", error.message());
  of_guest_->drop();
  guest_.reset();
  guest_attached_ = false;
  for (Side& side : sides_) side.end_told = false;
  next_dial_ = base::Deadline::in(redial_pause_.next());
}

Result<void> OutputPump::serve_guest(base::Loop::Events events) {
  bool open = true;
  if (base::Loop::has_come(events)) open = FCVM_TRY(guest_->read());
  FCVM_TRY(take_frames());
  FCVM_TRY(feed_guest());
  FCVM_TRY(guest_->flush());
  if (!open && !(ended() && idle())) return fail(EPIPE, "the guest closed the connection");
  return {};
}

Result<void> OutputPump::take_frames() {
  while (listens()) {
    acknowledge();
    const auto frame = FCVM_TRY(guest_->next());
    if (!frame) return {};
    FCVM_TRY(handle(*frame));
  }
  return {};
}

void OutputPump::acknowledge() {
  for (std::size_t i = 0; i < sides_.size(); ++i) {
    Side& from = sides_[i];
    if (from.taken - from.acknowledged < kAcknowledgeEvery) continue;
    from.acknowledged = from.taken;
    const auto stream = i == 1 ? wire::Stream::kStderr : wire::Stream::kStdout;
    guest_->send(wire::OutputAck{stream, from.taken});
  }
}

OutputPump::Side& OutputPump::side(wire::Stream stream) {
  return sides_[stream == wire::Stream::kStderr ? 1 : 0];
}

Result<void> OutputPump::handle(const wire::Frame& frame) {
  switch (frame.type) {
    case wire::kStreamDataType:
      return take(FCVM_TRY(wire::decode_stream_data(frame)));
    case wire::OutputEnd::kType:
      return take_end(FCVM_TRY(wire::decode<wire::OutputEnd>(frame)));
    case wire::OutputAttached::kType:
      return take_attached(FCVM_TRY(wire::decode<wire::OutputAttached>(frame)));
    case wire::StdinLimit::kType:
      useless_.spend();  // an agent grants in large steps
      stdin_.on_limit(FCVM_TRY(wire::decode<wire::StdinLimit>(frame)).offset);
      return {};
    case wire::Refusal::kType:
      return fail(EIO, "the guest's agent refused: " +
                           cut_guest_text(FCVM_TRY(wire::decode<wire::Refusal>(frame)).message));
    default:
      return fail(EPROTO, fmt::format("the guest sent the unexpected frame {}", frame.type));
  }
}

Result<void> OutputPump::take(const wire::StreamData& data) {
  Side& to = side(data.stream);
  if (data.stream == wire::Stream::kStdin || data.offset != to.taken) {
    return fail(EPROTO, fmt::format("the guest's output goes on at byte {} and not at {}",
                                    data.offset, to.taken));
  }
  if (to.ended) return fail(EPROTO, "the guest's output goes on after its end");
  if (data.bytes.empty()) {
    useless_.spend();
  } else if (data.bytes.size() < kSmallOutput) {
    small_.spend();
  }
  write_out(data.stream, data.bytes);
  to.taken += data.bytes.size();
  return {};
}

/// Once on each connection: every end makes an answer.
Result<void> OutputPump::take_end(const wire::OutputEnd& end) {
  Side& from = side(end.stream);
  if (end.stream == wire::Stream::kStdin || end.offset != from.taken || from.end_told) {
    return fail(EPROTO, fmt::format("the guest's output ends at byte {} and not at {}, or twice",
                                    end.offset, from.taken));
  }
  from.ended = from.end_told = true;
  guest_->send(wire::OutputAck{end.stream, from.taken});
  return {};
}

Result<void> OutputPump::take_attached(const wire::OutputAttached& attached) {
  if (guest_attached_) return fail(EPROTO, "the guest attached twice");
  if (std::exchange(begins_frozen_, false)) {
    sides_[0].taken = sides_[0].acknowledged = attached.stdout_from;
    sides_[1].taken = sides_[1].acknowledged = attached.stderr_from;
    stdin_.begin_at(attached.stdin_from);
  }
  FCVM_TRY(stdin_.on_attached(attached.stdin_from, attached.stdin_limit));
  guest_attached_ = true;
  size_is_new_ = size_.has_value();
  return {};
}

Result<void> OutputPump::feed_guest() {
  // Of sizes that come faster than the guest takes them, the last one is enough.
  if (guest_attached_ && guest_->queued() == 0 && std::exchange(size_is_new_, false)) {
    guest_->send(*size_);
  }
  while (guest_attached_ && guest_->queued() < kMostStdin) {
    const std::string frame = stdin_.take();
    if (frame.empty()) break;
    guest_->send_bytes(frame);
  }
  attachments_.grant(stdin_);
  return {};
}

/// A log that takes nothing now (a full disk) may do so later.
void OutputPump::write_log(wire::Stream from, std::string_view bytes) {
  if (!log_) return;
  const auto to = from == wire::Stream::kStderr ? LogStream::kStderr : LogStream::kStdout;
  const auto logged = log_->write(to, bytes);
  if (logged) return;
  if (const auto unsaid = log_failures_.admit()) {
    log::warning("vm", "the container's log lacks some of its output: {}{}",
                 logged.error().message(),
                 *unsaid == 0 ? "" : fmt::format(" ({} times before this, too)", *unsaid));
  }
}

void OutputPump::write_out(wire::Stream from, std::string_view bytes) {
  const bool is_stderr = from == wire::Stream::kStderr;
  write_log(from, bytes);
  attachments_.write(is_stderr ? wire::kExecStderr : wire::kExecStdout, bytes);
  base::SharedWriter& sink = sinks_[is_stderr ? 1 : 0];
  if (auto written = sink.put(bytes); !written) close_sink(sink, written.error());
}

void OutputPump::close_sink(base::SharedWriter& sink, const Error& error) {
  log::debug("vm", "{}", error.message());
  sink.close();
  callbacks_.on_sink_closed();
}

}  // namespace fcvm::vm
