#include "core/cli/session/run_progress.hpp"

#include <fcntl.h>

#include <fmt/core.h>

#include "core/base/printable.hpp"

namespace fcvm::cli {
namespace {

constexpr std::chrono::milliseconds kMoment{700};
constexpr std::chrono::milliseconds kBetween{100};
/// A plugin that begins without an end must not take all memory.
constexpr std::size_t kMostSteps = 64;

std::string amount(std::uint64_t count, const std::string& unit) {
  if (unit != "bytes") return fmt::format("{} {}", count, base::printable(unit));
  return fmt::format("{:.1f} MiB", static_cast<double>(count) / (1 << 20));
}

}  // namespace

RunProgress::RunProgress(bool quiet) : to_(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3)) {
  if (to_ && !quiet) shown_.emplace(setup::Progress::style_of(to_.get()), to_.get());
}

std::uint64_t RunProgress::add(const std::string& what, std::uint64_t total,
                               const std::string& unit) {
  if (!shown_ || steps_.size() >= kMostSteps) return 0;
  steps_[++last_] = {base::printable(what), total, unit};
  return last_;
}

void RunProgress::stage(const std::string& what) {
  const std::lock_guard lock(mutex_);
  if (!shown_ || setup::Progress::style_of(to_.get()) != setup::Progress::Style::kTerminal) return;
  if (stage_ != 0 && shown_step_ == stage_) {
    shown_->abandon();
    shown_step_ = 0;
  }
  steps_.erase(stage_);
  stage_ = what.empty() ? 0 : add(what, 0, "");
  if (!ticker_.joinable()) ticker_ = std::thread([this] { tick(); });
}

void RunProgress::tick() {
  std::unique_lock lock(mutex_);
  while (shown_) {
    over_.wait_for(lock, kBetween);
    if (!shown_ || steps_.empty()) continue;
    const auto& [id, step] = *steps_.rbegin();
    if (id != stage_ || Clock::now() - step.began < kMoment) continue;
    show(id, step);
    shown_->tick();
  }
}

void RunProgress::show(std::uint64_t id, const Step& step) {
  if (shown_step_ == id) return;
  shown_step_ = id;
  shown_->begin(step.what, id == stage_ ? "" : "begun");
}

std::uint64_t RunProgress::begin(const std::string& what, std::uint64_t total,
                                 const std::string& unit) {
  const std::lock_guard lock(mutex_);
  return add(what, total, unit);
}

void RunProgress::update(std::uint64_t progress, std::uint64_t done) {
  const std::lock_guard lock(mutex_);
  const auto at = steps_.find(progress);
  const auto now = Clock::now();
  if (!shown_ || at == steps_.end() || at->first != steps_.rbegin()->first) return;
  const Step& step = at->second;
  if (now - step.began < kMoment || now - drawn_ < kBetween) return;
  drawn_ = now;
  show(progress, step);
  if (step.total == 0) {
    shown_->update(-1, amount(done, step.unit));
    return shown_->tick();
  }
  const double fraction = static_cast<double>(done) / static_cast<double>(step.total);
  shown_->update(fraction,
                 fmt::format("{} of {}", amount(done, step.unit), amount(step.total, step.unit)));
}

void RunProgress::end(std::uint64_t progress, bool succeeded) {
  const std::lock_guard lock(mutex_);
  steps_.erase(progress);
  if (!shown_ || shown_step_ != progress) return;
  shown_step_ = 0;
  if (succeeded) {
    shown_->end("done");
  } else {
    shown_->abandon();
  }
}

void RunProgress::finish() {
  {
    const std::lock_guard lock(mutex_);
    shown_.reset();
    to_.reset();
    over_.notify_all();
  }
  if (ticker_.joinable()) ticker_.join();
}

}  // namespace fcvm::cli
