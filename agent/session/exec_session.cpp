// A command's way from request to exit; see exec_session.hpp.
#include "agent/session/exec_session.hpp"

#include <algorithm>
#include <csignal>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace fcvm::agent {

ExecSession::ExecSession(Loop& loop, base::Fd socket, const Resolve& resolve,
                         ProcessRun::Launcher launcher)
    : loop_(loop),
      stream_(loop, std::move(socket), wire::kMaxExecRequest),
      resolve_(resolve),
      run_(loop, launcher),
      process_(run_.process()) {}

ExecSession::~ExecSession() {
  loop_.cancel(timer_);
  close_streams();
}

Result<void> ExecSession::start(std::function<void()> on_over) {
  on_over_ = std::move(on_over);
  FCVM_TRY(stream_.start({[this](const wire::Frame& frame) { return on_frame(frame); },
                          [this] { on_closed(); }, [this] { watch_sources(); }}));
  greeting_.say(stream_);
  return {};
}

Result<void> ExecSession::on_frame(const wire::Frame& frame) {
  if (FCVM_TRY(greeting_.take(frame))) return {};
  if (!request_) return on_request(frame);
  if (!told_to_go_) return on_go(frame);
  return on_running(frame);
}

// Everything that can be refused is refused here, before the host may assume that it runs.
Result<void> ExecSession::on_request(const wire::Frame& frame) {
  request_ = FCVM_TRY(wire::decode<wire::ExecRequest>(frame));
  auto plan = resolve_(*request_);
  if (!plan) {
    fail_with(plan.error());
    return {};
  }
  options_ = std::move(plan->options);
  stream_.send(wire::encode(wire::ExecAck{request_->id, kStdinCredit, std::move(plan->way)}));
  return {};
}

Result<void> ExecSession::on_go(const wire::Frame& frame) {
  const auto go = FCVM_TRY(wire::decode<wire::ExecGo>(frame));
  if (!options_ || go.id != request_->id)
    return fail(EPROTO, "exec: go for a request that was not acknowledged");
  told_to_go_ = true;
  const auto begun =
      run_.begin(*options_, {[this] { on_started(); }, [this](const Error& why) { fail_with(why); },
                             [this](ChildEnd end) { on_end(end); }});
  if (!begun) fail_with(begun.error());
  return {};
}

void ExecSession::on_started() {
  if (request_->detach) {
    stream_.send(wire::encode(wire::ExecExit{}));
    run_.let_go();
    return stream_.finish();
  }
  sources_ = {Source{&process_.stdout_fd, wire::kExecStdout, false},
              Source{&process_.stderr_fd, wire::kExecStderr, false}};
  watch_sources();
}

void ExecSession::fail_with(const Error& error) {
  const auto code = static_cast<std::uint8_t>(exit_code_of(error));
  stream_.send(wire::encode(wire::ExecFailed{code, error.message(), {}, error.code()}));
  stream_.finish();
}

Result<void> ExecSession::on_running(const wire::Frame& frame) {
  switch (frame.type) {
    case wire::kExecStdin:
      return on_stdin(frame.payload);
    case wire::ExecStdinEnd::kType:
      stdin_ended_ = true;
      write_stdin();
      return {};
    case wire::Resize::kType: {
      const auto size = FCVM_TRY(wire::decode<wire::Resize>(frame));
      process_.resize(size.rows, size.columns);
      return {};
    }
    case wire::ExecSignal::kType: {
      const auto signal = FCVM_TRY(wire::decode<wire::ExecSignal>(frame)).signal;
      if (signal < 1 || signal >= NSIG) return fail(EINVAL, "exec: there is no such signal");
      run_.signal(signal);
      return {};
    }
    case wire::ExecDetach::kType:
      detached_ = true;
      return {};
    default:
      return fail(EPROTO, "exec: unexpected message " + std::to_string(frame.type));
  }
}

Result<void> ExecSession::on_stdin(std::string_view bytes) {
  if (stdin_ended_) return fail(EPROTO, "exec: stdin goes on after its end");
  if (stdin_.size() + bytes.size() > kStdinCredit) {
    return fail(EPROTO, "exec: more stdin than there is credit for");
  }
  if (!process_.stdin_fd) {
    credit(bytes.size());  // the command closed it: the rest is for nobody
    return {};
  }
  stdin_.append(bytes);
  write_stdin();
  return {};
}

void ExecSession::write_stdin() {
  if (!process_.stdin_fd) return;
  std::size_t done = 0;
  bool broken = false;
  while (done < stdin_.size() && !broken) {
    const ssize_t wrote =
        ::write(process_.stdin_fd.get(), stdin_.data() + done, stdin_.size() - done);
    if (wrote > 0) done += static_cast<std::size_t>(wrote);
    if (wrote < 0 && errno == EAGAIN) break;
    broken = wrote < 0 && errno != EINTR;
  }
  if (broken) done = stdin_.size();
  stdin_.erase(0, done);
  credit(done);
  if (broken || (stdin_.empty() && stdin_ended_)) return close_stdin();
  if (stdin_.empty() == !stdin_watched_) return;
  stdin_watched_ = !stdin_.empty();
  if (!stdin_watched_) return loop_.forget(process_.stdin_fd.get());
  static_cast<void>(
      loop_.watch(process_.stdin_fd.get(), EPOLLOUT, [this](Loop::Events) { write_stdin(); }));
}

// Credit goes back in large pieces: a frame per read would double the traffic of a slow reader.
void ExecSession::credit(std::size_t bytes) {
  uncredited_ += bytes;
  if (uncredited_ < kStdinCredit / 4) return;
  stream_.send(wire::encode(wire::ExecCredit{uncredited_}));
  uncredited_ = 0;
}

void ExecSession::close_stdin() {
  if (!process_.stdin_fd) return;
  // A terminal has no end of file but the one that is typed.
  if (process_.tty && stdin_ended_) {
    [[maybe_unused]] const auto typed = ::write(process_.stdin_fd.get(), "\x04", 1);
  }
  if (std::exchange(stdin_watched_, false)) loop_.forget(process_.stdin_fd.get());
  process_.stdin_fd = base::Fd();
}

// Not watched while the host does not keep up: that is what makes the command wait.
void ExecSession::watch_sources() {
  for (Source& source : sources_) {
    if (source.fd == nullptr || !source.fd->valid() || end_) continue;
    const bool wanted = !stream_.congested() || !stream_.open();
    if (source.watched == wanted) continue;
    source.watched = wanted;
    if (!wanted) {
      loop_.forget(source.fd->get());
      continue;
    }
    const auto watched = loop_.watch(source.fd->get(), EPOLLIN,
                                     [this, &source](Loop::Events) { on_source(source); });
    if (!watched) stream_.refuse(watched.error());
  }
}

void ExecSession::on_source(Source& source) {
  const ssize_t got = forward_once(source, kReadSize);
  if (got == 0) end_source(source);
  watch_sources();
}

// Bytes read, 0 at the end (EIO is a terminal's), negative when there is nothing at the moment.
ssize_t ExecSession::forward_once(Source& source, std::size_t most) {
  if (!stream_.open()) return read_unheard(source);
  const auto room = stream_.prepare_data(std::min(most, kReadSize));
  const ssize_t got = ::read(source.fd->get(), room.data(), room.size());
  const int error = errno;
  stream_.commit_data(source.type, got > 0 ? static_cast<std::size_t>(got) : 0);
  if (got >= 0) return got;
  return error == EAGAIN || error == EINTR ? -1 : 0;
}

ssize_t ExecSession::read_unheard(const Source& source) {
  char ignored[4096];
  const ssize_t got = ::read(source.fd->get(), ignored, sizeof ignored);
  return got < 0 && (errno == EAGAIN || errno == EINTR) ? -1 : std::max<ssize_t>(got, 0);
}

void ExecSession::end_source(Source& source) {
  if (source.fd == nullptr || !source.fd->valid()) return;
  if (std::exchange(source.watched, false)) loop_.forget(source.fd->get());
  *source.fd = base::Fd();
}

// Only what lies in the pipe at this moment: a background child may hold it open for ever.
void ExecSession::drain(Source& source) {
  if (source.fd == nullptr || !source.fd->valid()) return;
  int waiting = 0;
  if (!process_.tty && ::ioctl(source.fd->get(), FIONREAD, &waiting) != 0) return;
  std::size_t left = process_.tty ? kMostAfterEnd : static_cast<std::size_t>(waiting);
  while (left > 0 && stream_.open()) {
    const ssize_t got = forward_once(source, left);
    if (got == 0) return end_source(source);
    if (got < 0) return;
    left -= static_cast<std::size_t>(got);
  }
}

void ExecSession::on_end(ChildEnd end) {
  end_ = end;
  if (!stream_.open()) return on_over_();
  for (Source& source : sources_) drain(source);
  // The kernel hands a terminal's last bytes over a little later, and then EIO; unless a
  // background child holds it.
  if (!process_.tty || !process_.stdout_fd) return report_end();
  timer_ = loop_.after(std::chrono::milliseconds(30), [this] {
    drain(sources_[0]);
    report_end();
  });
}

void ExecSession::report_end() {
  close_streams();
  stream_.send(wire::encode(wire::ExecExit{static_cast<std::uint8_t>(end_->code), end_->signal}));
  stream_.finish();
}

void ExecSession::close_streams() {
  for (Source& source : sources_) end_source(source);
  if (std::exchange(stdin_watched_, false)) loop_.forget(process_.stdin_fd.get());
  process_.stdin_fd = base::Fd();
}

void ExecSession::on_closed() {
  // Left to itself, it goes on: its output is read, so that it never waits for a reader.
  if (detached_ && !run_.over()) return watch_sources();
  if (run_.running()) {
    ::kill(-process_.pid, SIGHUP);
  } else {
    run_.signal(SIGHUP);
  }
  on_over_();
}

}  // namespace fcvm::agent
