// See process_run.hpp.
#include "agent/process/process_run.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <sys/epoll.h>

namespace fcvm::agent {
namespace {

bool ends_by_default(int signal) {
  constexpr std::array kOthers = {SIGCHLD, SIGCONT, SIGSTOP, SIGTSTP,
                                  SIGTTIN, SIGTTOU, SIGURG,  SIGWINCH};
  return std::find(kOthers.begin(), kOthers.end(), signal) == kOthers.end();
}

}  // namespace

ProcessRun::~ProcessRun() {
  if (phase_ == Phase::kStarting) kill_start();
  stop_following_start();
  if (launch_.process.pid > 0) loop_.forget_child(launch_.process.pid);
}

Result<void> ProcessRun::begin(const ProcessOptions& options, Callbacks callbacks) {
  callbacks_ = std::move(callbacks);
  launch_ = FCVM_TRY(launcher_(options));
  name_ = options.command[0];
  phase_ = Phase::kStarting;
  return follow_start(patience_.value_or(options.container > 0 ? kPatience : kPatienceInGuest));
}

Result<void> ProcessRun::follow_start(Patience patience) {
  const pid_t pid = std::exchange(launch_.process.pid, -1);
  if (launch_.joins) {
    helper_ = pid;
    loop_.on_end(pid, [this](ChildEnd) {
      helper_ = -1;
      on_report();
    });
  } else {
    follow(pid);
  }
  timer_ = loop_.after(patience, [this] { on_late(); });
  seeker_ = loop_.add_seeker([this] { read_reports(); });
  return loop_.watch(launch_.link.get(), EPOLLIN, [this](Loop::Events) { on_report(); });
}

void ProcessRun::follow(pid_t pid) {
  if (pid <= 0 || launch_.process.pid > 0) return;
  launch_.process.pid = pid;
  loop_.on_end(pid, [this](ChildEnd end) { on_pid_end(end); });
}

void ProcessRun::read_reports() {
  while (!closed_) {
    auto news = read_news(launch_, name_);
    switch (news.kind) {
      case LaunchNews::Kind::kNothing:
        return;
      case LaunchNews::Kind::kEntered:
        follow(news.pid);
        break;
      case LaunchNews::Kind::kFailed:
        failure_ = std::move(news.failure);
        break;
      case LaunchNews::Kind::kClosed:
        closed_ = true;
        break;
    }
  }
}

void ProcessRun::on_report() {
  read_reports();
  settle();
}

// One that is being started may have ended while its helper still holds the link.
void ProcessRun::on_pid_end(ChildEnd end) {
  end_ = end;
  if (phase_ == Phase::kStarting) return on_report();
  phase_ = Phase::kOver;
  launch_.process.pid = -1;
  // They may own the owner.
  const Callbacks callbacks = std::exchange(callbacks_, {});
  callbacks.on_end(end);
}

void ProcessRun::on_late() {
  read_reports();
  if (closed_ || failure_) return settle();
  kill_start();
  settle_failed(Error(ETIMEDOUT, "running " + name_ +
                                     ": it was not under way in time, and was killed: the "
                                     "container stops it, or leaves it no time to run"));
}

void ProcessRun::settle() {
  if (phase_ != Phase::kStarting) return;
  if (failure_) return settle_failed(*failure_);
  if (!closed_) return;
  if (launch_.process.pid <= 0 && ended_by_ == 0) {
    return settle_failed(
        Error(ESRCH, "running " + name_ + ": its helper ended before it was in the container"));
  }
  settle_started();
}

void ProcessRun::settle_started() {
  stop_following_start();
  phase_ = Phase::kRunning;
  if (ended_by_ != 0) {
    end_ = ChildEnd{128 + ended_by_, ended_by_};
    if (launch_.process.pid > 0) loop_.forget_child(launch_.process.pid);
  }
  callbacks_.on_started();
  if (end_ && phase_ == Phase::kRunning) on_pid_end(*end_);
}

void ProcessRun::settle_failed(Error error) {
  stop_following_start();
  if (launch_.process.pid > 0) loop_.forget_child(std::exchange(launch_.process.pid, -1));
  phase_ = Phase::kOver;
  const Callbacks callbacks = std::exchange(callbacks_, {});
  callbacks.on_failed(error);
}

void ProcessRun::stop_following_start() {
  loop_.cancel(timer_);
  loop_.remove_seeker(seeker_);
  if (launch_.link) loop_.forget(launch_.link.get());
  launch_.link = base::Fd();
  if (helper_ > 0) loop_.forget_child(std::exchange(helper_, -1));
}

// From outside, and so also what the container has stopped. Both are our own children and not yet
// waited for, so their pids are nobody else's.
void ProcessRun::kill_start() {
  if (helper_ > 0) ::kill(helper_, SIGKILL);
  if (launch_.process.pid > 0 && !end_) ::kill(launch_.process.pid, SIGKILL);
}

void ProcessRun::signal(int number) {
  if (phase_ == Phase::kStarting) read_reports();
  const bool started = phase_ == Phase::kStarting && closed_ && !failure_ && !end_;
  if (phase_ == Phase::kRunning || started) return launch_.process.signal(number);
  if (phase_ != Phase::kStarting || !ends_by_default(number)) return;
  ended_by_ = number;
  kill_start();
}

void ProcessRun::let_go() {
  if (launch_.process.pid > 0) loop_.forget_child(std::exchange(launch_.process.pid, -1));
  phase_ = Phase::kOver;
}

}  // namespace fcvm::agent
