// See process_host.hpp.
#include "tests/support/process_host.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include <fcvm/sdk/sized.hpp>

#include "core/base/process/spawn.hpp"
#include "core/plugin/process_spec.hpp"

namespace fcvm::test {

namespace {

std::mutex mutex;
std::map<std::uint64_t, std::unique_ptr<base::Child>> children;
std::uint64_t last_handle = 0;

base::SpawnOptions options_from(const fcvm_process_spec& spec) {
  base::SpawnOptions options;
  for (const char* const* argument = spec.arguments; *argument != nullptr; ++argument) {
    options.argv.emplace_back(*argument);
  }
  options.program = spec.program;
  if (spec.environment != nullptr) {
    options.environment.emplace();
    for (const char* const* word = spec.environment; *word != nullptr; ++word) {
      options.environment->emplace_back(*word);
    }
  }
  const auto or_null = [](int fd) { return fd < 0 ? base::kDevNull : fd; };
  options.cwd_fd = plugin::directory_of(spec);
  options.stdin_fd = or_null(plugin::stdin_of(spec));
  options.stdout_fd = or_null(plugin::stdout_of(spec));
  options.stderr_fd = or_null(plugin::stderr_of(spec));
  options.own_namespaces = (spec.flags & FCVM_PROCESS_OWN_NAMESPACES) != 0;
  for (const auto& limit : sized_elements(spec.limits, spec.limit_count)) {
    rlimit now{};
    ::getrlimit(static_cast<__rlimit_resource>(limit.resource), &now);
    const rlim_t most = std::min<rlim_t>(limit.hard, now.rlim_max);
    options.limits.push_back({static_cast<int>(limit.resource), {most, most}});
  }
  for (std::uint32_t i = 0; i < spec.passed_count; ++i) {
    options.extra_fds.push_back({spec.passed[i].from, spec.passed[i].to});
  }
  if (const int user = plugin::user_namespace_of(spec); user >= 0) {
    options.namespaces.push_back({base::NamespaceKind::kUser, user});
  }
  if (const int net = plugin::net_namespace_of(spec); net >= 0) {
    options.namespaces.push_back({base::NamespaceKind::kNet, net});
  }
  return options;
}

std::int32_t spawn(const fcvm_host*, const fcvm_process_spec* spec, std::uint64_t* handle,
                   fcvm_error* error) {
  auto child = base::spawn(options_from(*spec));
  if (!child) return put_error(error, child.error());
  const std::lock_guard lock(mutex);
  *handle = ++last_handle;
  children[*handle] = std::make_unique<base::Child>(*std::move(child));
  return 0;
}

std::int32_t status(const fcvm_host*, std::uint64_t handle, fcvm_process_status* out, fcvm_error*) {
  const std::lock_guard lock(mutex);
  base::Child& child = *children.at(handle);
  out->pid = child.pid();
  const auto ended = child.try_wait();
  out->running = ended && !ended->has_value() ? 1 : 0;
  out->exit_code = out->running == 0 && ended ? (*ended)->code().value_or(-1) : -1;
  out->exit_signal = out->running == 0 && ended ? (*ended)->signal().value_or(0) : 0;
  return 0;
}

std::int32_t signal(const fcvm_host*, std::uint64_t handle, std::int32_t number,
                    fcvm_error* error) {
  const std::lock_guard lock(mutex);
  const auto sent = children.at(handle)->signal(number);
  return sent ? 0 : put_error(error, sent.error());
}

std::int32_t pidfd(const fcvm_host*, std::uint64_t handle) {
  const std::lock_guard lock(mutex);
  return children.at(handle)->pidfd();
}

void release(const fcvm_host*, std::uint64_t handle, std::int64_t) {
  const std::lock_guard lock(mutex);
  children.erase(handle);
}

const void* service(const fcvm_host*, const char* id) {
  static const fcvm_process_v1 api = [] {
    auto made = sized<fcvm_process_v1>();
    made.spawn = spawn;
    made.status = status;
    made.signal = signal;
    made.pidfd = pidfd;
    made.release = release;
    return made;
  }();
  return std::string_view(id) == "process/1" ? &api : nullptr;
}

}  // namespace

const fcvm_host* process_host() {
  static const fcvm_host host = [] {
    auto made = sized<fcvm_host>();
    made.version = "0.1.0";
    made.service = service;
    return made;
  }();
  return &host;
}

}  // namespace fcvm::test
