// See processes.hpp.
#include "core/api/envd/processes.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/core.h>

#include "core/api/envd/process.hpp"
#include "core/base/printable.hpp"

namespace fcvm::api {
namespace {

/// Of memory: a guest may send as many events of no bytes as it likes.
std::size_t cost_of(const ProcessEvent& event) { return sizeof event + event.bytes.size(); }

using namespace std::chrono_literals;

constexpr auto kBeginLimit = 60s;
constexpr auto kInputLimit = 30s;
constexpr auto kLeaveLimit = 2s;
constexpr std::size_t kMostProcesses = 512;  // of a sandbox

}  // namespace

// --- a subscription ---

std::optional<ProcessEvent> Subscription::next(base::Deadline deadline) {
  std::function<void()> tell;
  std::optional<ProcessEvent> event;
  {
    std::unique_lock lock(mutex_);
    const auto until = std::chrono::steady_clock::now() + deadline.remaining();
    if (!came_.wait_until(lock, until, [this] { return !events_.empty(); })) return std::nullopt;
    event = std::move(events_.front());
    events_.pop_front();
    const bool was_full = waiting_ >= kMostWaiting;
    waiting_ -= cost_of(*event);
    if (was_full && waiting_ < kMostWaiting) tell = on_room_;
  }
  if (tell) tell();
  return event;
}

bool Subscription::has_room() const {
  const std::lock_guard lock(mutex_);
  return waiting_ < kMostWaiting;
}

void Subscription::give(const ProcessEvent& event) {
  const std::lock_guard lock(mutex_);
  waiting_ += cost_of(event);
  events_.push_back(event);
  came_.notify_one();
}

// --- all processes ---

Processes::~Processes() = default;

Result<Processes::Started> Processes::start(const std::string& sandbox, const std::string& vm,
                                            const ProcessConfig& config, wire::ExecRequest request,
                                            base::Deadline limit) {
  Key key{sandbox, 0};
  {
    const std::lock_guard lock(mutex_);
    const auto has = std::count_if(processes_.begin(), processes_.end(),
                                   [&](const auto& one) { return one.first.first == sandbox; });
    if (static_cast<std::size_t>(has) >= kMostProcesses) {
      return fail(EDQUOT, fmt::format("the sandbox has {} processes already", has));
    }
    key.second = ++last_pid_;
  }
  const bool takes_input = request.interactive;
  auto begun =
      FCVM_TRY(vm::begin_exec(store_, vm, std::move(request), base::Deadline::in(kBeginLimit)));
  if (const auto* failed = std::get_if<wire::ExecFailed>(&begun)) {
    return fail(failed->code == 127 ? ENOENT : EIO, base::printable(failed->message));
  }
  const auto process =
      std::make_shared<Process>(loop_, config, std::get<vm::ExecBegun>(std::move(begun)),
                                takes_input, [this, key] { forget(key); });
  Started started{key.second, std::make_shared<Subscription>()};
  process->add(started.events);
  {
    const std::lock_guard lock(mutex_);
    processes_.emplace(key, process);
  }
  process->begin(limit);
  return started;
}

void Processes::forget(const Key& key) {
  const std::lock_guard lock(mutex_);
  processes_.erase(key);
}

Result<Processes::ProcessPtr> Processes::find(const std::string& sandbox,
                                              const Selector& which) const {
  const std::lock_guard lock(mutex_);
  if (which.pid != 0) {
    const auto found = processes_.find({sandbox, which.pid});
    if (found != processes_.end()) return found->second;
    return fail(ENOENT, fmt::format("there is no process {}", which.pid));
  }
  for (auto one = processes_.lower_bound({sandbox, 0}); one != processes_.end(); ++one) {
    if (one->first.first != sandbox) break;
    if (!which.tag.empty() && one->second->config().tag == which.tag) return one->second;
  }
  return fail(ENOENT, fmt::format("there is no process \"{}\"", base::printable(which.tag)));
}

Result<Processes::Started> Processes::listen(const std::string& sandbox, const Selector& which) {
  const auto process = FCVM_TRY(find(sandbox, which));
  Started started{which.pid, std::make_shared<Subscription>()};
  if (started.pid == 0) {
    for (const auto& one : list(sandbox)) {
      if (one.config.tag == which.tag) started.pid = one.pid;
    }
  }
  process->add(started.events);
  return started;
}

std::vector<Processes::Listed> Processes::list(const std::string& sandbox) const {
  const std::lock_guard lock(mutex_);
  std::vector<Listed> found;
  for (auto one = processes_.lower_bound({sandbox, 0}); one != processes_.end(); ++one) {
    if (one->first.first != sandbox) break;
    found.push_back({one->first.second, one->second->config()});
  }
  return found;
}

Result<void> Processes::send_input(const std::string& sandbox, const Selector& which,
                                   std::string_view input) {
  const auto process = FCVM_TRY(find(sandbox, which));
  return process->send_input(input, base::Deadline::in(kInputLimit));
}

Result<void> Processes::close_input(const std::string& sandbox, const Selector& which) {
  return FCVM_TRY(find(sandbox, which))->close_input();
}

Result<void> Processes::signal(const std::string& sandbox, const Selector& which, int number) {
  FCVM_TRY(find(sandbox, which))->signal(number);
  return {};
}

Result<void> Processes::resize(const std::string& sandbox, const Selector& which,
                               wire::Resize size) {
  FCVM_TRY(find(sandbox, which))->resize(size);
  return {};
}

void Processes::leave(const std::string& sandbox) {
  struct Waiting {
    std::mutex mutex;
    std::condition_variable left;
    std::size_t count = 0;
  };
  const auto waiting = std::make_shared<Waiting>();
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [key, process] : processes_) {
      if (key.first != sandbox) continue;
      ++waiting->count;
      process->leave([waiting] {
        const std::lock_guard turn(waiting->mutex);
        --waiting->count;
        waiting->left.notify_one();
      });
    }
  }
  // The guest has to know before its machine is saved. A loop that has ended tells it nothing more.
  std::unique_lock lock(waiting->mutex);
  waiting->left.wait_for(lock, kLeaveLimit, [&] { return waiting->count == 0; });
}

void Processes::leave_all() {
  const std::lock_guard lock(mutex_);
  for (const auto& [key, process] : processes_) process->leave([] {});
}

std::size_t Processes::count() const {
  const std::lock_guard lock(mutex_);
  return processes_.size();
}

}  // namespace fcvm::api
