#include "core/vm/supervisor/gates.hpp"

#include <algorithm>
#include <chrono>

#include <fmt/core.h>

#include "core/plugin/settings.hpp"

namespace fcvm::vm {
namespace {

constexpr plugin::VerbRule kWait{"wait", plugin::Threads::kWorker};
constexpr auto kCancelAgain = std::chrono::milliseconds(10);

Result<std::unique_ptr<plugin::Instance<fcvm_readiness_v1>>> make(const SupervisorContext& context,
                                                                  const Gate& gate,
                                                                  plugin::Services services) {
  const plugin::Entry* entry = FCVM_TRY(context.registry.find(gate.plugin));
  const auto settings = FCVM_TRY(plugin::Settings::from_values(
      entry->descriptor.options, gate.settings, context.config.section("plugin." + gate.plugin)));
  plugin::Object object = FCVM_TRY(plugin::Registry::load(*entry));
  return plugin::Instance<fcvm_readiness_v1>::create(std::move(object), gate.plugin, settings,
                                                     services);
}

}  // namespace

Result<void> Gates::start(const SupervisorContext& context, plugin::Services services,
                          std::string vm_id, std::string container) {
  vm_id_ = std::move(vm_id);
  container_ = std::move(container);
  for (const Gate& gate : plan_.gates) {
    auto instance = FCVM_TRY(make(context, gate, services) | fcvm::context("gate " + gate.text));
    waiting_.push_back(std::make_unique<Waiting>(Waiting{&gate, std::move(instance), {}}));
  }
  const auto deadline = base::Deadline::in(plan_.limit);
  for (auto& one : waiting_) {
    one->thread = std::thread([this, &one = *one, deadline] { wait_for(one, deadline); });
  }
  watcher_ = std::thread([this] { watch(); });
  return {};
}

void Gates::wait_for(Waiting& one, base::Deadline deadline) {
  auto target = sized<fcvm_ready_target>();
  target.vm_id = vm_id_.c_str();
  target.container = container_.c_str();
  auto waited = one.instance->call(kWait, one.instance->verbs().wait, &target, deadline.as_ns());
  const auto index = static_cast<std::size_t>(one.gate - plan_.gates.data());
  if (waited) callbacks_.on_passed(index);
  const std::lock_guard lock(mutex_);
  one.returned = true;
  if (!waited) {
    one.error = std::move(waited).error();
    cancelled_ = true;
  }
  changed_.notify_all();
}

/// A cancel does not reach a verb that has not quite begun, so it is repeated.
void Gates::watch() {
  std::unique_lock lock(mutex_);
  const auto over = [&] {
    return std::all_of(waiting_.begin(), waiting_.end(),
                       [](const auto& one) { return one->returned; });
  };
  while (!over()) {
    if (!cancelled_) {
      changed_.wait(lock);
      continue;
    }
    for (const auto& one : waiting_) {
      if (!one->returned) one->instance->cancel();
    }
    changed_.wait_for(lock, kCancelAgain);
  }
  auto done = outcome();
  lock.unlock();
  callbacks_.on_done(std::move(done));
}

/// The one that failed first has the code; all that did not pass are told of.
Result<void> Gates::outcome() const {
  std::string text;
  int code = 0;
  std::string remedy;
  for (const auto& one : waiting_) {
    if (!one->error) continue;
    text += fmt::format("\n    {}: {}", one->gate->text, one->error->message());
    // A cancel that another one's failure has caused is no cause itself.
    if (code != 0 && one->error->code() == ECANCELED) continue;
    code = one->error->code();
    remedy = one->error->remedy();
  }
  if (code == 0) return {};
  return fail(code, text, remedy);
}

void Gates::cancel() {
  const std::lock_guard lock(mutex_);
  cancelled_ = true;
  changed_.notify_all();
}

void Gates::join() {
  for (const auto& one : waiting_) {
    if (one->thread.joinable()) one->thread.join();
  }
  if (watcher_.joinable()) watcher_.join();
}

std::string Gates::missing() const {
  const std::lock_guard lock(mutex_);
  std::string list;
  for (const bool returned : {false, true}) {
    for (const auto& one : waiting_) {
      const bool misses = returned ? one->error.has_value() : !one->returned;
      if (misses) list += (list.empty() ? "" : ", ") + one->gate->text;
    }
    if (!list.empty()) break;
  }
  return list;
}

}  // namespace fcvm::vm
