#include "core/vm/guest/guest_control.hpp"

#include <algorithm>
#include <chrono>

#include <fmt/core.h>

#include "core/log/log.hpp"
#include "core/vm/guest/guest_text.hpp"
#include "core/wire/ports.hpp"

namespace fcvm::vm {
namespace {

using namespace std::chrono_literals;

constexpr auto kDialPause = 20ms;
constexpr auto kDialLimit = 3s;
constexpr auto kHelloLimit = 5s;
/// How long a request waits for a stream that has just broken, and is dialled again.
constexpr auto kRedialLimit = 5s;

}  // namespace

GuestControl::GuestControl(DialGuest dial, EventHandler handle, HealthHandler on_health,
                           std::uint64_t after)
    : dial_(std::move(dial)),
      handle_(std::move(handle)),
      on_health_(std::move(on_health)),
      after_(after) {}

GuestControl::~GuestControl() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    if (stream_) stream_->shut_down();
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

Result<std::shared_ptr<GuestStream>> GuestControl::dial(base::Deadline deadline) {
  Fd fd = FCVM_TRY(dial_(wire::kControlPort, deadline));
  auto stream = std::make_shared<GuestStream>(FCVM_TRY(
      GuestStream::open(std::move(fd), wire::kMaxControlReply,
                        base::Deadline::earlier(deadline, base::Deadline::in(kHelloLimit)))));
  FCVM_TRY(stream->send(wire::Attach{last_event_ == 0 ? after_ : last_event_}, deadline));
  return stream;
}

Result<std::string> GuestControl::connect(base::Deadline deadline) {
  for (;;) {
    auto stream = dial(deadline);
    if (stream) {
      stream_ = *std::move(stream);
      const std::string software = stream_->peer().software;
      thread_ = std::thread([this] { run(); });
      return software;
    }
    const int code = stream.error().code();
    // The guest's kernel may take a connection long before a slow guest's agent answers it.
    const bool not_yet =
        code == ECONNREFUSED || code == EPIPE || code == ECONNRESET || code == ETIMEDOUT;
    if (!not_yet || deadline.expired()) return unexpected(std::move(stream).error());
    std::this_thread::sleep_for(kDialPause);
  }
}

std::uint64_t GuestControl::next_id() {
  const std::lock_guard lock(mutex_);
  return ++last_id_;
}

void GuestControl::cancel_requests() {
  const std::lock_guard lock(mutex_);
  cancelled_ = true;
  for (auto& [id, answer] : waiting_) {
    if (!answer) answer = Answer{ECANCELED, "it was canceled"};
  }
  changed_.notify_all();
}

/// A wait_for() of more than an hour is nobody's, and might overflow.
Result<void> GuestControl::send(GuestStream& stream, const std::string& frames,
                                base::Deadline deadline) {
  const std::unique_lock turn(sending_,
                              std::min<std::chrono::nanoseconds>(deadline.remaining(), 1h));
  if (!turn) return fail(ETIMEDOUT, "the guest's agent does not read");
  return stream.send_bytes(frames, deadline);
}

Result<void> GuestControl::transact(std::uint64_t id, const std::string& frames,
                                    base::Deadline deadline, bool is_last) {
  std::unique_lock lock(mutex_);
  const auto redialled = base::Deadline::earlier(deadline, base::Deadline::in(kRedialLimit));
  const auto over = [this, is_last] { return stopping_ || (cancelled_ && !is_last); };
  changed_.wait_for(lock, redialled.remaining(),
                    [&] { return stream_ || over() || (is_last && is_unreachable_); });
  if (over()) return fail(ECANCELED, "a request to the guest's agent was canceled");
  const auto stream = stream_;
  if (!stream) return fail(ENOTCONN, "the guest's agent is not connected");
  waiting_.emplace(id, std::nullopt);
  // A guest that does not read must not keep anybody else from the lock.
  lock.unlock();
  const auto sent = send(*stream, frames, deadline);
  lock.lock();
  const auto answered = [&] { return waiting_.at(id).has_value() || stopping_ || !sent; };
  // A wait_until() far beyond the clock's range overflows, so waiting for ever is done by the hour.
  while (!answered() && !deadline.expired()) {
    changed_.wait_for(lock, std::min<std::chrono::nanoseconds>(deadline.remaining(), 1h), answered);
  }
  const auto answer = waiting_.at(id);
  waiting_.erase(id);
  if (!sent) return unexpected(sent.error());
  if (!answer) {
    return fail(stopping_ ? ECANCELED : ETIMEDOUT, "the guest's agent did not answer a request");
  }
  if (answer->code != 0) return fail(answer->code, "in the guest: " + answer->message);
  return {};
}

void GuestControl::run() {
  for (;;) {
    std::shared_ptr<GuestStream> stream;
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
      stream = stream_;
    }
    if (stream) {
      redial_pause_.connected();
      read_from(*stream);
      lose_stream();
      if (!rest(redial_pause_.next())) return;
    }
    auto again = dial(base::Deadline::in(kDialLimit));
    {
      const std::lock_guard lock(mutex_);
      is_unreachable_ = !again;
      if (again) stream_ = *std::move(again);
      changed_.notify_all();
    }
    if (!again && !rest(redial_pause_.next())) return;
  }
}

/// False when it is time to end.
bool GuestControl::rest(std::chrono::nanoseconds pause) {
  std::unique_lock lock(mutex_);
  return !changed_.wait_for(lock, pause, [&] { return stopping_; });
}

/// Until the stream ends.
void GuestControl::read_from(GuestStream& stream) {
  for (;;) {
    auto frame = stream.receive(base::Deadline::never());
    auto handled = frame ? handle_frame(*frame) : Result<void>(unexpected(frame.error()));
    if (!handled) return log::debug("guest", "control: {}", handled.error().message());
    frames_.spend();
    if (frames_.exhausted() && !rest(frames_.ready().remaining())) return;
  }
}

Result<void> GuestControl::handle_frame(const wire::Frame& frame) {
  if (frame.type == wire::Event::kType) {
    auto event = FCVM_TRY(wire::decode<wire::Event>(frame));
    if (event.number <= last_event_) return {};  // told again after a new dial
    last_event_ = event.number;
    event.stage = cut_guest_text(std::move(event.stage));
    event.text = cut_guest_text(std::move(event.text));
    handle_(event);
    return {};
  }
  if (frame.type == wire::Health::kType) {
    auto health = FCVM_TRY(wire::decode<wire::Health>(frame));
    health.output = cut_guest_text(std::move(health.output));
    on_health_(health);
    return {};
  }
  auto done = FCVM_TRY(wire::decode<wire::Done>(frame));
  const std::lock_guard lock(mutex_);
  const auto at = waiting_.find(done.id);
  if (at != waiting_.end() && !at->second) {  // the first answer counts
    at->second = Answer{done.code, cut_guest_text(std::move(done.message))};
  }
  changed_.notify_all();
  return {};
}

/// Requests that were under way get no answer any more: their fate is unknown.
void GuestControl::lose_stream() {
  const std::lock_guard lock(mutex_);
  stream_.reset();
  for (auto& [id, answer] : waiting_) {
    if (!answer) answer = Answer{ECONNRESET, "the connection broke before the answer came"};
  }
  changed_.notify_all();
}

}  // namespace fcvm::vm
