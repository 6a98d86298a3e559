#include "core/plugin/process_keeper.hpp"

#include <array>
#include <filesystem>
#include <future>
#include <sys/epoll.h>

#include <fmt/core.h>

#include <fcvm/sdk/sized.hpp>

#include "core/base/io/pipe.hpp"
#include "core/base/process/spawn.hpp"
#include "core/log/log.hpp"
#include "core/plugin/process_spec.hpp"

namespace fcvm::plugin {
namespace {

constexpr std::size_t kLongestLine = 4096;

/// What a jailed program has that is given no environment: ours may hold secrets.
const std::vector<std::string> kSmallEnvironment = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin",
                                                    "LANG=C.UTF-8"};

std::vector<std::string> strings(const char* const* items) {
  std::vector<std::string> copies;
  for (; items != nullptr && *items != nullptr; ++items) copies.emplace_back(*items);
  return copies;
}

void enter(base::SpawnOptions& options, base::NamespaceKind kind, int fd) {
  if (fd >= 0) options.namespaces.push_back({kind, fd});
}

/// No more than this process could set for itself: a plugin asks for less than there is, wherever
/// it runs.
Result<base::ResourceLimit> resource_limit(const fcvm_resource_limit& wanted) {
  const int resource = static_cast<int>(wanted.resource);
  rlimit now{};
  if (::prlimit(0, static_cast<__rlimit_resource>(resource), nullptr, &now) != 0) {
    return fail_errno(fmt::format("looking at resource limit {}", resource));
  }
  const rlim_t hard = std::min<rlim_t>(wanted.hard, now.rlim_max);
  return base::ResourceLimit{resource, {std::min<rlim_t>(wanted.soft, hard), hard}};
}

Result<base::SpawnOptions> spawn_options(const fcvm_process_spec& spec) {
  base::SpawnOptions options;
  options.argv = strings(spec.arguments);
  if (options.argv.empty() || spec.program == nullptr) {
    return fail(EINVAL, "a process specification without a program or arguments");
  }
  options.program = spec.program;
  if (spec.environment != nullptr) options.environment = strings(spec.environment);
  options.cwd_fd = directory_of(spec);
  options.stdin_fd = stdin_of(spec) < 0 ? base::kDevNull : stdin_of(spec);
  for (std::uint32_t i = 0; i < spec.passed_count; ++i) {
    options.extra_fds.push_back({spec.passed[i].from, spec.passed[i].to});
  }
  enter(options, base::NamespaceKind::kUser, user_namespace_of(spec));
  enter(options, base::NamespaceKind::kNet, net_namespace_of(spec));
  enter(options, base::NamespaceKind::kMount, mount_namespace_of(spec));
  options.cgroup_fd = cgroup_of(spec);
  // A terminal's Ctrl-C is for fcvm to deal with: what it means to the VM, the container decides.
  options.new_session = true;
  options.own_namespaces = (spec.flags & FCVM_PROCESS_OWN_NAMESPACES) != 0;
  for (const auto& limit : sized_elements(spec.limits, spec.limit_count)) {
    options.limits.push_back(FCVM_TRY(resource_limit(limit)));
  }
  if ((spec.flags & FCVM_PROCESS_HAS_UID) != 0) options.uid = spec.uid;
  if ((spec.flags & FCVM_PROCESS_HAS_GID) != 0) options.gid = spec.gid;
  return options;
}

std::string name_of(const fcvm_process_spec& spec) {
  if (spec.name != nullptr) return spec.name;
  return std::filesystem::path(spec.program).filename().string();
}

}  // namespace

ProcessKeeper::ProcessKeeper() : loop_(base::Loop::create()) {
  if (loop_) thread_ = std::thread([this] { run(); });
}

ProcessKeeper::~ProcessKeeper() {
  for (auto& [handle, kept] : kept_) {
    const std::lock_guard lock(kept->mutex);
    [[maybe_unused]] auto killed = kept->child.signal(SIGKILL);
  }
  kept_.clear();
  if (!thread_.joinable()) return;
  (*loop_)->post([this] { (*loop_)->stop(); });
  thread_.join();
}

void ProcessKeeper::run() {
  if (auto ran = (*loop_)->run(); !ran) log::warning("vm", "{}", ran.error().message());
}

/// Runs `task` on the keeper's thread and waits until it has.
template <typename Task>
Result<void> ProcessKeeper::on_thread(Task task) {
  if (!loop_) return unexpected(loop_.error());
  // Shared: whoever waits may be gone before who tells it has returned.
  const auto done = std::make_shared<std::promise<void>>();
  (*loop_)->post([&task, done] {
    task();
    done->set_value();
  });
  done->get_future().wait();
  return {};
}

Result<void> ProcessKeeper::listen(Output output) {
  const auto kept = outputs_.insert(outputs_.end(), std::move(output));
  auto watched = (*loop_)->watch(kept->from.get(), EPOLLIN, [=, this](auto) { hear(kept); });
  if (!watched) outputs_.erase(kept);
  return watched;
}

void ProcessKeeper::hear(std::list<Output>::iterator output) {
  if (drain(*output)) return;
  (*loop_)->forget(output->from.get());
  outputs_.erase(output);
}

/// Logs the whole lines that have come; false at the end.
bool ProcessKeeper::drain(Output& output) {
  std::array<char, 4096> buffer{};
  const ssize_t count = ::read(output.from.get(), buffer.data(), buffer.size());
  if (count < 0) return errno == EINTR || errno == EAGAIN;
  for (const char c : std::string_view(buffer.data(), static_cast<std::size_t>(count))) {
    if (c != '\n') output.line += c;
    if (c == '\n' || output.line.size() >= kLongestLine) {
      log_line(output);
    }
  }
  if (count == 0 && !output.line.empty()) log_line(output);
  return count > 0;
}

/// All is read, so that a child never waits; not all is logged.
void ProcessKeeper::log_line(Output& output) {
  if (output.budget.exhausted()) {
    ++output.dropped;
  } else {
    output.budget.spend();
    const auto dropped = std::exchange(output.dropped, 0);
    if (dropped != 0)
      output.line += fmt::format(" ({} lines before this one were dropped)", dropped);
    log::write(log::Level::kInfo, output.component, output.line);
  }
  output.line.clear();
}

Result<base::Child> ProcessKeeper::start(std::string_view owner, const fcvm_process_spec& spec,
                                         const base::Jail* jail, base::JailOutcome& outcome) {
  base::SpawnOptions options = FCVM_TRY(spawn_options(spec));
  options.jail = jail;
  if (jail != nullptr && !options.environment) options.environment = kSmallEnvironment;
  if (options.cgroup_fd < 0) options.cgroup_fd = cgroup_fd_;
  std::optional<base::Pipe> log;
  const int out = stdout_of(spec);
  const int errors = stderr_of(spec);
  if (out < 0 || errors < 0) log = FCVM_TRY(base::Pipe::create());
  options.stdout_fd = out < 0 ? log->write_end.get() : out;
  options.stderr_fd = errors < 0 ? log->write_end.get() : errors;
  base::Child child = FCVM_TRY(base::spawn(options, &outcome));
  if (log) {
    FCVM_TRY(base::set_nonblocking(log->read_end.get()));
    FCVM_TRY(listen({std::move(log->read_end), fmt::format("{} {}", owner, name_of(spec)), {}}));
  }
  return child;
}

Result<std::uint64_t> ProcessKeeper::spawn(std::string_view owner, const fcvm_process_spec& spec) {
  return keep(owner, spec, nullptr);
}

Result<std::uint64_t> ProcessKeeper::spawn_jailed(std::string_view owner,
                                                  const fcvm_process_spec& spec,
                                                  const base::Jail& jail) {
  return keep(owner, spec, &jail);
}

Result<std::uint64_t> ProcessKeeper::keep(std::string_view owner, const fcvm_process_spec& spec,
                                          const base::Jail* jail) {
  std::optional<Result<base::Child>> child;
  base::JailOutcome outcome;
  FCVM_TRY(on_thread([&] { child.emplace(start(owner, spec, jail, outcome)); }));
  if (!*child) return unexpected(std::move(*child).error());
  const std::string name = name_of(spec);
  if (jail != nullptr && outcome.level < base::JailLevel::kNamespaces) {
    log::warning("vm", "{} has no better jail than \"{}\": {}", name, base::name_of(outcome.level),
                 outcome.reason);
  }
  const std::lock_guard lock(mutex_);
  kept_.emplace(
      next_handle_,
      std::make_shared<Kept>(**std::move(child), name,
                             jail == nullptr ? std::nullopt : std::optional(std::move(outcome))));
  return next_handle_++;
}

std::vector<RunningProcess> ProcessKeeper::running() {
  std::map<std::uint64_t, std::shared_ptr<Kept>> kept;
  {
    const std::lock_guard lock(mutex_);
    kept = kept_;
  }
  std::vector<RunningProcess> all;
  for (const auto& [handle, process] : kept) {
    const std::lock_guard lock(process->mutex);
    if (!process->ended) all.push_back({process->name, process->child.pid(), process->jail});
  }
  return all;
}

Result<std::shared_ptr<ProcessKeeper::Kept>> ProcessKeeper::find(std::uint64_t handle) {
  const std::lock_guard lock(mutex_);
  const auto at = kept_.find(handle);
  if (at == kept_.end()) return fail(ESRCH, fmt::format("no process has the handle {}", handle));
  return at->second;
}

fcvm_process_status ProcessKeeper::describe(Kept& kept) {
  auto status = sized<fcvm_process_status>();
  status.pid = kept.child.pid();
  status.exit_code = -1;
  status.running = kept.ended ? 0 : 1;
  if (kept.jail) status.jailed = 1 + static_cast<std::uint32_t>(kept.jail->level);
  if (kept.ended) {
    status.exit_code = kept.ended->code().value_or(-1);
    status.exit_signal = kept.ended->signal().value_or(0);
  }
  return status;
}

Result<fcvm_process_status> ProcessKeeper::status(std::uint64_t handle) {
  const auto kept = FCVM_TRY(find(handle));
  const std::lock_guard lock(kept->mutex);
  if (!kept->ended) kept->ended = FCVM_TRY(kept->child.try_wait());
  return describe(*kept);
}

Result<void> ProcessKeeper::signal(std::uint64_t handle, int number) {
  const auto kept = FCVM_TRY(find(handle));
  const std::lock_guard lock(kept->mutex);
  return kept->child.signal(number);
}

int ProcessKeeper::pidfd(std::uint64_t handle) {
  const auto kept = find(handle);
  return kept ? (*kept)->child.pidfd() : -1;
}

void ProcessKeeper::release(std::uint64_t handle, std::chrono::nanoseconds grace) {
  const auto kept = find(handle);
  if (!kept) return;
  {
    const std::lock_guard lock(mutex_);
    kept_.erase(handle);
  }
  const std::lock_guard lock((*kept)->mutex);
  if (grace.count() == 0) {
    [[maybe_unused]] auto killed = (*kept)->child.signal(SIGKILL);
  }
  [[maybe_unused]] auto stopped =
      (*kept)->child.stop(std::chrono::duration_cast<std::chrono::milliseconds>(grace));
}

}  // namespace fcvm::plugin
