// See blocking_calls.hpp.
#include "fusepipe/server/blocking_calls.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <system_error>
#include <utility>

namespace fcvm::fusepipe {

namespace {

constexpr std::size_t kMost = 64;
constexpr int kInterrupt = SIGUSR1;
/// A signal between the look at `interrupted` and the call that waits is lost: it comes again.
constexpr std::chrono::milliseconds kAgain{2};

void do_nothing(int /*number*/) {}

}  // namespace

BlockingCalls::BlockingCalls() {
  struct sigaction action {};
  action.sa_handler = do_nothing;  // and no SA_RESTART: the call that waits ends
  ::sigaction(kInterrupt, &action, nullptr);
}

BlockingCalls::~BlockingCalls() {
  Lock lock(mutex_);
  for (const auto& call : std::list(calls_)) end(lock, *call);
  reap(lock);
}

bool BlockingCalls::start(std::uint64_t unique, std::function<int()> call,
                          std::function<void(int)> answer) {
  Lock lock(mutex_);
  reap(lock);
  if (calls_.size() >= kMost) return false;
  Call& added = *calls_.emplace_back(std::make_shared<Call>());
  added.unique = unique;
  const auto early = std::find(early_.begin(), early_.end(), unique);
  if (early != early_.end()) {
    added.interrupted = true;
    *early = 0;
  }
  try {
    added.thread = std::thread([this, &added, call = std::move(call), answer = std::move(answer)] {
      run(added, call, answer);
    });
  } catch (const std::system_error&) {
    calls_.pop_back();
    return false;
  }
  return true;
}

void BlockingCalls::run(Call& call, const std::function<int()>& what,
                        const std::function<void(int)>& answer) {
  int error = EINTR;
  {
    Lock lock(mutex_);
    call.id = ::pthread_self();
    call.running = true;
    if (!call.interrupted) {
      lock.unlock();
      error = what();
      lock.lock();
    }
    call.running = false;
    changed_.notify_all();
  }
  answer(error);
  const Lock lock(mutex_);
  call.done = true;
  changed_.notify_all();
}

void BlockingCalls::end(Lock& lock, Call& call) {
  call.interrupted = true;
  while (!call.done) {
    if (call.running) ::pthread_kill(call.id, kInterrupt);
    changed_.wait_for(lock, kAgain);
  }
}

void BlockingCalls::interrupt(std::uint64_t unique) {
  Lock lock(mutex_);
  const auto found = std::find_if(calls_.begin(), calls_.end(), [unique](const auto& call) {
    return call->unique == unique && !call->done;
  });
  if (found != calls_.end()) {
    // Once it is done, another thread may reap it before this one looks again.
    const std::shared_ptr<Call> call = *found;
    end(lock, *call);
    return;
  }
  early_[next_early_++ % early_.size()] = unique;
}

void BlockingCalls::reap(Lock& lock) {
  std::list<std::shared_ptr<Call>> ended;
  for (auto call = calls_.begin(); call != calls_.end();) {
    const auto next = std::next(call);
    if ((*call)->done) ended.splice(ended.end(), calls_, call);
    call = next;
  }
  lock.unlock();
  for (const auto& call : ended) call->thread.join();
  lock.lock();
}

}  // namespace fcvm::fusepipe
