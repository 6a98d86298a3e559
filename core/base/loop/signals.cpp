// See signals.hpp.
#include "core/base/loop/signals.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <map>
#include <mutex>
#include <sys/epoll.h>
#include <unistd.h>
#include <utility>

#include "core/base/io/pipe.hpp"

namespace fcvm::base {
namespace {

/// A pipe that a signal handler writes to. It is never closed, since a handler on another thread
/// may still be about to.
struct Inbox {
  std::atomic<bool> is_open{false};
  Pipe pipe;
};

std::array<Inbox, 64> inboxes;

struct Wanted {
  int by = 0;  // how many want it
  struct sigaction before {};
};

std::mutex mutex;               // of the inboxes that are taken, and of what follows
std::map<int, Wanted> handled;  // by number

/// In a signal handler: no lock, no allocation.
void tell(int number) {
  const int before = errno;
  const auto byte = static_cast<unsigned char>(number);
  for (const Inbox& inbox : inboxes) {
    if (!inbox.is_open) continue;
    // A full pipe holds signals enough.
    [[maybe_unused]] const auto told = ::write(inbox.pipe.write_end.get(), &byte, 1);
  }
  errno = before;
}

void drain(const Inbox& inbox) {
  std::array<unsigned char, 256> old;
  while (::read(inbox.pipe.read_end.get(), old.data(), old.size()) > 0) {
  }
}

Result<std::size_t> take_inbox() {
  const auto free = std::find_if(inboxes.begin(), inboxes.end(),
                                 [](const Inbox& inbox) { return !inbox.is_open; });
  if (free == inboxes.end()) return fail(EMFILE, "too many listen to signals");
  if (!free->pipe.read_end) free->pipe = FCVM_TRY(Pipe::create(O_NONBLOCK));
  drain(*free);
  free->is_open = true;
  return static_cast<std::size_t>(free - inboxes.begin());
}

Result<void> begin_to_handle(int number) {
  auto& one = handled[number];
  struct sigaction action {};
  action.sa_handler = tell;
  action.sa_flags = SA_RESTART;
  if (one.by == 0 && ::sigaction(number, &action, &one.before) != 0) {
    return fail_errno("listening to signal " + std::to_string(number));
  }
  ++one.by;
  return {};
}

}  // namespace

Result<std::unique_ptr<Signals>> Signals::watch(Loop& loop, const std::vector<int>& numbers,
                                                Handler handler) {
  std::unique_ptr<Signals> made(new Signals(loop, std::move(handler)));
  const std::lock_guard lock(mutex);
  made->inbox_ = FCVM_TRY(take_inbox());
  FCVM_TRY(loop.watch(inboxes[*made->inbox_].pipe.read_end.get(), EPOLLIN,
                      [self = made.get()](Loop::Events) { self->take(); }));
  for (const int number : numbers) {
    FCVM_TRY(begin_to_handle(number));
    made->numbers_.push_back(number);
  }
  return made;
}

Signals::~Signals() {
  if (!inbox_) return;
  const std::lock_guard lock(mutex);
  loop_.forget(inboxes[*inbox_].pipe.read_end.get());
  for (const int number : numbers_) {
    auto& one = handled[number];
    if (--one.by == 0) ::sigaction(number, &one.before, nullptr);
  }
  inboxes[*inbox_].is_open = false;
}

void Signals::take() {
  std::array<unsigned char, 64> numbers;
  const ssize_t count =
      ::read(inboxes[*inbox_].pipe.read_end.get(), numbers.data(), numbers.size());
  for (ssize_t i = 0; i < count; ++i) handler_(numbers[static_cast<std::size_t>(i)]);
}

}  // namespace fcvm::base
