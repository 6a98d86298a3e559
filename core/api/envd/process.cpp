// See process.hpp.
#include "core/api/envd/process.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <utility>

#include "core/base/printable.hpp"

namespace fcvm::api {
namespace {

constexpr std::size_t kMostInput = 1 << 20;
constexpr std::uint64_t kMostCredit = 1 << 30;  // the guest is not believed without end
constexpr std::size_t kInputPiece = 64 << 10;

Error failure_of(const wire::ExecFailed& failed) {
  const int code = failed.code == 127 ? ENOENT : failed.code == 126 ? EACCES : EIO;
  return Error(code, base::printable(failed.message));
}

}  // namespace

Process::Process(base::Loop& loop, ProcessConfig config, vm::ExecBegun begun, bool takes_input,
                 std::function<void()> on_end)
    : loop_(loop),
      config_(std::move(config)),
      takes_input_(takes_input),
      link_(std::move(begun.stream).release()),
      interest_(loop, [this](auto) { step(); }),
      credit_(begun.stdin_credit),
      on_end_(std::move(on_end)) {}

void Process::post(std::function<void(Process&)> what) {
  loop_.post([self = shared_from_this(), what = std::move(what)] {
    if (!self->ended_) what(*self);
  });
}

void Process::begin(base::Deadline limit) {
  post([limit](Process& self) {
    if (!limit.is_never()) {
      self.limit_ = self.loop_.after(limit.remaining(), [&self] {
        self.limit_ = {};
        self.link_.send(wire::ExecSignal{SIGKILL});
        self.step();
      });
    }
    self.step();
  });
}

void Process::add(std::shared_ptr<Subscription> subscription) {
  subscription->on_room([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->post([](Process& process) { process.step(); });
  });
  const std::lock_guard lock(mutex_);
  if (!over_) return listeners_.emplace_back(subscription), void();
  subscription->give({.failure = Error(ENOENT, "the process has ended")});
}

Result<void> Process::send_input(std::string_view input, base::Deadline deadline) {
  std::unique_lock lock(mutex_);
  if (!takes_input_) return fail(EINVAL, "the process was started without stdin");
  while (!input.empty()) {
    const auto until = std::chrono::steady_clock::now() + deadline.remaining();
    const bool can = fed_.wait_until(
        lock, until, [this] { return over_ || input_ends_ || input_.size() < kMostInput; });
    if (!can) return fail(EAGAIN, "the process does not read its stdin");
    if (over_ || input_ends_) return fail(ENOENT, "the stdin of the process is closed");
    const auto piece = input.substr(0, kMostInput - input_.size());
    input_ += piece;
    input.remove_prefix(piece.size());
    post([](Process& self) { self.step(); });
  }
  return {};
}

Result<void> Process::close_input() {
  const std::lock_guard lock(mutex_);
  if (!takes_input_) return fail(EINVAL, "the process was started without stdin");
  input_ends_ = true;
  post([](Process& self) { self.step(); });
  return {};
}

void Process::signal(int number) {
  post([number](Process& self) {
    self.link_.send(wire::ExecSignal{number});
    self.step();
  });
}

void Process::resize(wire::Resize size) {
  post([size](Process& self) {
    self.link_.send(size);
    self.step();
  });
}

void Process::leave(std::function<void()> done) {
  loop_.post([self = shared_from_this(), done = std::move(done)] {
    if (!self->ended_) {
      self->link_.send(wire::ExecDetach{});
      [[maybe_unused]] const auto sent = self->link_.flush();
      self->end({.failure = Error(ECONNRESET, "the process goes on, and its output is lost")});
    }
    done();
  });
}

// --- in the loop ---

/// Goes on with whatever can go on.
void Process::step() {
  if (ended_) return;
  feed();
  bool open = true;
  if (base::Loop::has_come(interest_.take())) {
    const auto more = link_.read();
    open = more && *more;
  }
  const auto running = take_frames();
  if (!running) return end({.failure = running.error()});
  if (!*running) return;
  if (!open && has_room()) {
    return end({.failure = Error(ECONNRESET,
                                 "the connection to the sandbox was lost; whether the process has "
                                 "ended is unknown")});
  }
  if (const auto sent = link_.flush(); !sent && open) return end({.failure = sent.error()});
  const bool reads = open && has_room() && !link_.congested();
  const auto wanted = interest_.want(link_.fd(), base::Loop::events(reads, link_.queued() > 0));
  if (!wanted) end({.failure = wanted.error()});
}

/// False once it has ended.
Result<bool> Process::take_frames() {
  while (has_room()) {
    const auto frame = FCVM_TRY(link_.next());
    if (!frame) return true;
    if (!FCVM_TRY(take(*frame))) return false;
  }
  return true;
}

Result<bool> Process::take(const wire::Frame& frame) {
  switch (frame.type) {
    case wire::kExecStdout:
      give({.kind = ProcessEvent::Kind::kStdout, .bytes = std::string(frame.payload)});
      return true;
    case wire::kExecStderr:
      give({.kind = ProcessEvent::Kind::kStderr, .bytes = std::string(frame.payload)});
      return true;
    case wire::ExecCredit::kType: {
      const auto more = FCVM_TRY(wire::decode<wire::ExecCredit>(frame)).bytes;
      credit_ = std::min(credit_ + std::min(more, kMostCredit), kMostCredit);
      feed();
      return true;
    }
    case wire::ExecExit::kType: {
      const auto exit = FCVM_TRY(wire::decode<wire::ExecExit>(frame));
      end({.code = exit.code, .signal = exit.signal});
      return false;
    }
    case wire::ExecFailed::kType:
      end({.failure = failure_of(FCVM_TRY(wire::decode<wire::ExecFailed>(frame)))});
      return false;
    default:
      return true;
  }
}

/// As much of the input as the guest takes.
void Process::feed() {
  const std::lock_guard lock(mutex_);
  while (!input_.empty() && credit_ > 0 && !link_.congested()) {
    const auto size = std::min<std::uint64_t>({credit_, input_.size(), kInputPiece});
    link_.send_raw(wire::kExecStdin, std::string_view(input_).substr(0, size));
    input_.erase(0, size);
    credit_ -= size;
  }
  if (input_.empty() && input_ends_ && !std::exchange(input_end_sent_, true)) {
    link_.send(wire::ExecStdinEnd{});
  }
  fed_.notify_all();
}

/// Who listens and takes nothing makes the command wait, until its connection is given up.
bool Process::has_room() {
  const std::lock_guard lock(mutex_);
  return std::all_of(listeners_.begin(), listeners_.end(), [](const auto& one) {
    const auto listener = one.lock();
    return !listener || listener->has_room();
  });
}

void Process::give(ProcessEvent event) {
  const std::lock_guard lock(mutex_);
  std::erase_if(listeners_, [&](const auto& one) {
    const auto listener = one.lock();
    if (listener) listener->give(event);
    return !listener;
  });
}

void Process::end(ProcessEvent event) {
  if (std::exchange(ended_, true)) return;
  interest_.drop();
  loop_.cancel(limit_);
  give(std::move(event));
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
    listeners_.clear();
    fed_.notify_all();
  }
  // Which may be what holds it.
  loop_.soon([self = shared_from_this()] { self->on_end_(); });
}

}  // namespace fcvm::api
