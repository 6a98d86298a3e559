// See watchers.hpp.
#include "core/api/envd/watchers.hpp"

#include <chrono>
#include <optional>

#include "core/api/auth/tokens.hpp"

namespace fcvm::api::envd {
namespace {

using namespace std::chrono_literals;

/// Nobody asks any more.
constexpr std::chrono::nanoseconds kForgottenAfter = 1h;
/// Without an event for so long, that was all.
constexpr auto kQuiet = 20ms;
/// The rest comes with the next question.
constexpr std::size_t kMostEvents = 4096;
constexpr std::size_t kLargestAnswer = 4 << 20;

std::size_t size_of(const wire::FileEvent& event) {
  const std::size_t entry = event.entry ? event.entry->path.size() + event.entry->link.size() : 0;
  return sizeof event + event.name.size() + entry;
}

Unexpected no_such_watcher(const std::string& id) {
  return fail(ENOENT, "there is no watcher " + id + " in this sandbox");
}

}  // namespace

Unexpected lost_events() {
  return fail(ENOSPC, "events of the directory were lost: more happened than was asked for",
              "watch it again, and look at what is there now");
}

Result<std::string> Watchers::add(const std::string& sandbox, vm::FileWatch watch) {
  auto id = FCVM_TRY(random_secret(8));
  auto watcher = std::make_shared<Watcher>(std::move(watch));
  watcher->asked_ns = base::Deadline::now_ns();
  const std::lock_guard lock(mutex_);
  drop_forgotten();
  const auto first = watchers_.lower_bound(Key(sandbox, ""));
  std::size_t count = 0;
  for (auto one = first; one != watchers_.end() && one->first.first == sandbox; ++one) ++count;
  if (count >= kMostOfSandbox) {
    return fail(EDQUOT, "the sandbox has " + std::to_string(count) + " watchers already",
                "remove one");
  }
  watchers_[Key(sandbox, id)] = std::move(watcher);
  return id;
}

void Watchers::drop_forgotten() {
  const std::int64_t now = base::Deadline::now_ns();
  std::erase_if(watchers_, [now](const auto& one) {
    return now - one.second->asked_ns > kForgottenAfter.count();
  });
}

Result<std::shared_ptr<Watchers::Watcher>> Watchers::find(const Key& key) {
  const std::lock_guard lock(mutex_);
  const auto found = watchers_.find(key);
  if (found == watchers_.end()) return no_such_watcher(key.second);
  found->second->asked_ns = base::Deadline::now_ns();
  return found->second;
}

Result<std::vector<wire::FileEvent>> Watchers::events(const std::string& sandbox,
                                                      const std::string& id) {
  const auto watcher = FCVM_TRY(find(Key(sandbox, id)));
  const std::lock_guard lock(watcher->mutex);
  std::vector<wire::FileEvent> events;
  const auto gone = [&](Error why) {
    static_cast<void>(remove(sandbox, id));
    return unexpected(std::move(why));
  };
  for (std::size_t size = 0; events.size() < kMostEvents && size < kLargestAnswer;) {
    auto event = watcher->watch.next(base::Deadline::in(kQuiet));
    if (!event && event.error().code() == ETIMEDOUT) break;
    if (!event) return gone(std::move(event).error());
    if (!*event) return gone(Error(ENOENT, "the directory that was watched has gone"));
    if ((*event)->kind == wire::FileEventKind::kLost) return gone(lost_events().error());
    size += size_of(**event);
    events.push_back(**std::move(event));
  }
  return events;
}

Result<void> Watchers::remove(const std::string& sandbox, const std::string& id) {
  const std::lock_guard lock(mutex_);
  if (watchers_.erase(Key(sandbox, id)) == 0) return no_such_watcher(id);
  return {};
}

}  // namespace fcvm::api::envd
