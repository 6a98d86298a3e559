#include "core/plugin/host_table.hpp"

#include <algorithm>
#include <filesystem>
#include <string_view>

#include <fmt/core.h>

#include <fcvm/sdk/sized.hpp>

#include "core/base/printable.hpp"
#include "core/log/log.hpp"
#include "core/plugin/checks.hpp"

namespace fcvm::plugin {
namespace {

HostTable& self(const fcvm_host* host) { return *static_cast<HostTable*>(host->context); }

/// Runs a service that blocks: never on the control thread, and no exception into the plugin.
template <typename Body>
std::int32_t serve(const fcvm_host* host, std::string_view service, fcvm_error* error,
                   Body&& body) noexcept {
  try {
    check_service_thread(self(host).plugin_id(), service);
    const Result<void> result = body(self(host));
    return result ? 0 : put_error(error, result.error());
  } catch (const std::exception& thrown) {
    return put_error(error, Error(EFAULT, std::string(service) + ": " + thrown.what()));
  }
}

// --- log/1 ---

log::Level log_level(std::uint32_t level) {
  return static_cast<log::Level>(std::min(level, FCVM_LOG_ERROR));
}

void log_write(const fcvm_host* host, std::uint32_t level, const char* message) noexcept {
  if (message != nullptr && log::enabled(log_level(level))) {
    log::write(log_level(level), self(host).plugin_id(), message);
  }
}

std::int32_t log_enabled(const fcvm_host*, std::uint32_t level) noexcept {
  return log::enabled(log_level(level)) ? 1 : 0;
}

constexpr fcvm_log_v1 kLog = {sizeof(fcvm_log_v1), 0, log_write, log_enabled};

// --- process/1 ---

std::int32_t process_spawn(const fcvm_host* host, const fcvm_process_spec* spec,
                           std::uint64_t* handle, fcvm_error* error) noexcept {
  return serve(host, "process/1 spawn", error, [&](HostTable& table) -> Result<void> {
    *handle = FCVM_TRY(table.services().process->spawn(table.plugin_id(), sized_copy(spec)));
    return {};
  });
}

std::int32_t process_status(const fcvm_host* host, std::uint64_t handle, fcvm_process_status* out,
                            fcvm_error* error) noexcept {
  auto status = self(host).services().process->status(handle);
  if (!status) return put_error(error, status.error());
  sized_assign(out, *status);
  return 0;
}

std::int32_t process_signal(const fcvm_host* host, std::uint64_t handle, std::int32_t number,
                            fcvm_error* error) noexcept {
  auto sent = self(host).services().process->signal(handle, number);
  return sent ? 0 : put_error(error, sent.error());
}

std::int32_t process_pidfd(const fcvm_host* host, std::uint64_t handle) noexcept {
  return self(host).services().process->pidfd(handle);
}

void process_release(const fcvm_host* host, std::uint64_t handle, std::int64_t grace) noexcept {
  self(host).services().process->release(handle, std::chrono::nanoseconds(grace));
}

constexpr fcvm_process_v1 kProcess = {
    sizeof(fcvm_process_v1), 0, process_spawn, process_status, process_signal, process_pidfd,
    process_release};

// --- guest/1 ---

std::int32_t guest_dial(const fcvm_host* host, std::uint32_t port, std::int64_t deadline,
                        std::int32_t* fd, fcvm_error* error) noexcept {
  return serve(host, "guest/1 dial", error, [&](HostTable& table) -> Result<void> {
    const Call call(table.calls(), deadline);
    auto dialled = FCVM_TRY(table.services().guest->dial(port, call));
    *fd = dialled.release();
    return {};
  });
}

std::int32_t guest_dial_tcp(const fcvm_host* host, std::uint16_t port, std::int64_t deadline,
                            std::int32_t* fd, fcvm_error* error) noexcept {
  return serve(host, "guest/1 dial_tcp", error, [&](HostTable& table) -> Result<void> {
    const Call call(table.calls(), deadline);
    auto dialled = FCVM_TRY(table.services().guest->dial_tcp(port, call));
    *fd = dialled.release();
    return {};
  });
}

std::vector<std::string> texts(const char* const* words) {
  std::vector<std::string> all;
  for (; words != nullptr && *words != nullptr; ++words) all.emplace_back(*words);
  return all;
}

std::string text(const char* maybe) { return maybe == nullptr ? "" : maybe; }

std::int32_t guest_exec(const fcvm_host* host, const fcvm_guest_exec* exec, std::int64_t deadline,
                        fcvm_output_fn output, void* context, std::int32_t* exit_code,
                        fcvm_error* error) noexcept {
  return serve(host, "guest/1 exec", error, [&](HostTable& table) -> Result<void> {
    const fcvm_guest_exec raw = sized_copy(exec);
    GuestService::Exec command;
    command.arguments = texts(raw.arguments);
    command.in_container = (raw.flags & FCVM_EXEC_IN_CONTAINER) != 0;
    command.environment = texts(raw.environment);
    command.user = text(raw.user);
    command.directory = text(raw.directory);
    if (raw.input != nullptr) command.input.assign(raw.input, raw.input_length);
    if (command.arguments.empty()) return fail(EINVAL, "guest/1 exec: no command is named");
    const auto hand_on = [&](std::uint32_t source, std::string_view bytes) {
      return output == nullptr || output(context, source, bytes.data(), bytes.size()) == 0;
    };
    const Call call(table.calls(), deadline);
    const int code = FCVM_TRY(table.services().guest->exec(command, call, hand_on));
    if (exit_code != nullptr) *exit_code = code;
    return {};
  });
}

std::int32_t guest_subscribe(const fcvm_host* host, std::uint32_t source, fcvm_line_fn line,
                             void* context, std::uint64_t* subscription,
                             fcvm_error* error) noexcept {
  return serve(host, "guest/1 subscribe", error, [&](HostTable& table) -> Result<void> {
    *subscription = FCVM_TRY(
        table.subscribe(source, [line, context](const fcvm_line& one) { line(context, &one); }));
    return {};
  });
}

void guest_unsubscribe(const fcvm_host* host, std::uint64_t subscription) noexcept {
  self(host).unsubscribe(subscription);
}

constexpr fcvm_guest_v1 kGuest = {sizeof(fcvm_guest_v1), 0,          guest_dial,
                                  guest_dial_tcp,        guest_exec, guest_subscribe,
                                  guest_unsubscribe};

// --- state/1 ---

constexpr std::size_t kMostRecords = 256;
constexpr std::size_t kLongestKey = 128;
constexpr std::size_t kLongestValue = 4096;

/// The limits of host.h: what is recorded is kept in the VM's record, and shown.
Result<void> check_record(const char* key, const char* value) {
  const std::string_view name = key == nullptr ? "" : key;
  const std::string_view content = value == nullptr ? "" : value;
  if (name.empty() || name.size() > kLongestKey || base::printable(name) != name) {
    return fail(EINVAL, "state/1 put: a key is 1 to 128 bytes of text without control characters");
  }
  if (content.size() > kLongestValue ||
      base::printable(content, base::Newlines::kKept) != content) {
    return fail(EINVAL, fmt::format("state/1 put: the value of \"{}\" is not text of at most {} "
                                    "bytes, without control characters but newlines and tabs",
                                    name, kLongestValue));
  }
  return {};
}

std::int32_t state_put(const fcvm_host* host, const char* key, const char* value,
                       fcvm_error* error) noexcept {
  return serve(host, "state/1 put", error, [&](HostTable& table) -> Result<void> {
    FCVM_TRY(check_record(key, value));
    StateService& state = *table.services().state;
    const auto known = state.list(table.plugin_id());
    const bool is_new =
        std::none_of(known.begin(), known.end(), [&](const auto& one) { return one.first == key; });
    if (is_new && known.size() >= kMostRecords) {
      return fail(ENOSPC, fmt::format("state/1 put: {} has recorded {} things already",
                                      table.plugin_id(), known.size()));
    }
    return state.put(table.plugin_id(), key, value);
  });
}

std::int32_t state_forget(const fcvm_host* host, const char* key, fcvm_error* error) noexcept {
  return serve(host, "state/1 forget", error, [&](HostTable& table) -> Result<void> {
    return table.services().state->forget(table.plugin_id(), key);
  });
}

std::int32_t state_list(const fcvm_host* host, fcvm_record_fn record, void* context,
                        fcvm_error* error) noexcept {
  return serve(host, "state/1 list", error, [&](HostTable& table) -> Result<void> {
    for (const auto& [key, value] : table.services().state->list(table.plugin_id())) {
      if (record(context, key.c_str(), value.c_str()) != 0) break;
    }
    return {};
  });
}

std::int32_t state_directory(const fcvm_host* host, std::int32_t* fd, fcvm_error* error) noexcept {
  auto directory = self(host).services().state->directory();
  if (!directory) return put_error(error, directory.error());
  *fd = directory->release();
  return 0;
}

constexpr fcvm_state_v1 kState = {sizeof(fcvm_state_v1), 0,          state_put,
                                  state_forget,          state_list, state_directory};

// --- progress/1 ---

std::uint64_t progress_begin(const fcvm_host* host, const char* what, std::uint64_t total,
                             const char* unit) noexcept {
  return self(host).services().progress->begin(text(what), total, text(unit));
}

void progress_update(const fcvm_host* host, std::uint64_t progress, std::uint64_t done) noexcept {
  self(host).services().progress->update(progress, done);
}

void progress_end(const fcvm_host* host, std::uint64_t progress, std::int32_t succeeded) noexcept {
  self(host).services().progress->end(progress, succeeded != 0);
}

constexpr fcvm_progress_v1 kProgress = {sizeof(fcvm_progress_v1), 0, progress_begin,
                                        progress_update, progress_end};

// --- builder/1 ---

/// With a path that is the same for everybody, whatever directory it was relative to.
Result<BuilderService::Disk> build_disk(const fcvm_disk& raw, int directory) {
  namespace fs = std::filesystem;
  BuilderService::Disk disk;
  disk.id = text(raw.id);
  disk.read_only = (raw.flags & FCVM_DISK_READ_ONLY) != 0;
  disk.unsafe_cache = (raw.flags & FCVM_DISK_CACHE_UNSAFE) != 0;
  fs::path path = text(raw.path);
  if (path.empty()) return fail(EINVAL, "builder/1 run: a disk has no path");
  if (path.is_relative()) {
    if (directory < 0) {
      return fail(EINVAL, "builder/1 run: " + path.string() + " is relative to no directory");
    }
    std::error_code error;
    path = fs::read_symlink("/proc/self/fd/" + std::to_string(directory), error) / path;
    if (error) return fail(EBADF, "builder/1 run: its directory is not open");
  }
  disk.path = path.lexically_normal().string();
  return disk;
}

std::int32_t builder_run(const fcvm_host* host, const fcvm_build* build, std::int64_t deadline,
                         fcvm_output_fn output, void* context, std::int32_t* exit_code,
                         fcvm_error* error) noexcept {
  return serve(host, "builder/1 run", error, [&](HostTable& table) -> Result<void> {
    const fcvm_build raw = sized_copy(build);
    BuilderService::Build wanted;
    wanted.arguments = texts(raw.arguments);
    wanted.environment = texts(raw.environment);
    wanted.cpus = raw.cpus;
    wanted.memory_bytes = raw.memory_bytes;
    if (wanted.arguments.empty()) return fail(EINVAL, "builder/1 run: no command is named");
    const int directory = fd_of(raw.flags, FCVM_BUILD_HAS_DIRECTORY, raw.directory_fd);
    for (const auto& disk : sized_elements(raw.disks, raw.disk_count)) {
      wanted.disks.push_back(FCVM_TRY(build_disk(disk, directory)));
    }
    const auto hand_on = [&](std::uint32_t source, std::string_view bytes) {
      return output == nullptr || output(context, source, bytes.data(), bytes.size()) == 0;
    };
    const Call call(table.calls(), deadline);
    const int code = FCVM_TRY(table.services().builder->run(wanted, call, hand_on));
    if (exit_code != nullptr) *exit_code = code;
    return {};
  });
}

std::int32_t builder_guest(const fcvm_host* host, fcvm_emit_fn emit, void* context,
                           fcvm_error* error) noexcept {
  return serve(host, "builder/1 guest", error, [&](HostTable& table) -> Result<void> {
    if (emit == nullptr) return fail(EINVAL, "builder/1 guest: no place for the name");
    const std::string name = FCVM_TRY(table.services().builder->guest());
    static_cast<void>(emit(context, name.data(), name.size()));
    return {};
  });
}

constexpr fcvm_builder_v1 kBuilder = {sizeof(fcvm_builder_v1), 0, builder_run, builder_guest};

const void* service(const fcvm_host* host, const char* id) noexcept {
  const Services& offered = self(host).services();
  const std::string_view wanted = id == nullptr ? "" : id;
  if (wanted == "log/1") return &kLog;
  if (wanted == "process/1") return offered.process == nullptr ? nullptr : &kProcess;
  if (wanted == "guest/1") return offered.guest == nullptr ? nullptr : &kGuest;
  if (wanted == "state/1") return offered.state == nullptr ? nullptr : &kState;
  if (wanted == "builder/1") return offered.builder == nullptr ? nullptr : &kBuilder;
  if (wanted == "progress/1") return offered.progress == nullptr ? nullptr : &kProgress;
  return nullptr;
}

}  // namespace

HostTable::HostTable(std::string plugin_id, Services services)
    : plugin_id_(std::move(plugin_id)),
      services_(services),
      host_{sizeof(fcvm_host), 0, FCVM_VERSION, this, service} {}

Result<std::uint64_t> HostTable::subscribe(std::uint32_t source,
                                           GuestService::LineHandler handler) {
  const std::uint64_t made = FCVM_TRY(services_.guest->subscribe(source, std::move(handler)));
  const std::lock_guard lock(subscriptions_mutex_);
  subscriptions_.insert(made);
  return made;
}

/// Without the lock, since it waits for a line that is being handed on, whose handler may
/// subscribe.
void HostTable::unsubscribe(std::uint64_t subscription) {
  {
    const std::lock_guard lock(subscriptions_mutex_);
    if (subscriptions_.erase(subscription) == 0) return;
  }
  services_.guest->unsubscribe(subscription);
}

void HostTable::end_subscriptions() {
  std::set<std::uint64_t> left;
  {
    const std::lock_guard lock(subscriptions_mutex_);
    left.swap(subscriptions_);
  }
  for (const std::uint64_t one : left) services_.guest->unsubscribe(one);
}

}  // namespace fcvm::plugin
