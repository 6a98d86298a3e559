#include "core/plugin/host_table.hpp"

#include <algorithm>
#include <string_view>

#include <fcvm/sdk/sized.hpp>

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

// --- log/1
// -----------------------------------------------------------------------------------------

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

// --- process/1
// -------------------------------------------------------------------------------------

std::int32_t process_spawn(const fcvm_host* host, const fcvm_process_spec* spec,
                           std::uint64_t* handle, fcvm_error* error) noexcept {
  return serve(host, "process/1 spawn", error, [&](HostTable& table) -> Result<void> {
    *handle = FCVM_TRY(table.services().process->spawn(table.plugin_id(), sized_copy(spec)));
    return {};
  });
}

std::int32_t process_wait(const fcvm_host* host, std::uint64_t handle, std::int64_t deadline,
                          fcvm_process_status* out, fcvm_error* error) noexcept {
  return serve(host, "process/1 wait", error, [&](HostTable& table) -> Result<void> {
    sized_assign(out,
                 FCVM_TRY(table.services().process->wait(handle, base::Deadline::at_ns(deadline))));
    return {};
  });
}

std::int32_t process_status(const fcvm_host* host, std::uint64_t handle,
                            fcvm_process_status* out) noexcept {
  auto status = self(host).services().process->status(handle);
  if (!status) return -status.error().code();
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

constexpr fcvm_process_v1 kProcess = {sizeof(fcvm_process_v1), 0,
                                      process_spawn,           process_wait,
                                      process_status,          process_signal,
                                      process_pidfd,           process_release};

// --- guest/1
// ---------------------------------------------------------------------------------------

std::int32_t guest_dial(const fcvm_host* host, std::uint32_t port, std::int64_t deadline,
                        std::int32_t* fd, fcvm_error* error) noexcept {
  return serve(host, "guest/1 dial", error, [&](HostTable& table) -> Result<void> {
    auto dialled = FCVM_TRY(table.services().guest->dial(port, base::Deadline::at_ns(deadline)));
    *fd = dialled.release();
    return {};
  });
}

std::int32_t guest_dial_tcp(const fcvm_host* host, std::uint16_t port, std::int64_t deadline,
                            std::int32_t* fd, fcvm_error* error) noexcept {
  return serve(host, "guest/1 dial_tcp", error, [&](HostTable& table) -> Result<void> {
    auto dialled =
        FCVM_TRY(table.services().guest->dial_tcp(port, base::Deadline::at_ns(deadline)));
    *fd = dialled.release();
    return {};
  });
}

std::int32_t guest_exec(const fcvm_host* host, fcvm_guest_exec* exec, std::int64_t deadline,
                        fcvm_error* error) noexcept {
  return serve(host, "guest/1 exec", error, [&](HostTable& table) -> Result<void> {
    fcvm_guest_exec request = sized_copy(exec);
    std::vector<std::string> arguments;
    for (auto* at = request.arguments; at != nullptr && *at != nullptr; ++at) {
      arguments.emplace_back(*at);
    }
    const auto done = FCVM_TRY(table.services().guest->exec(arguments, request.in_container != 0,
                                                            base::Deadline::at_ns(deadline)));
    request.exit_code = done.exit_code;
    request.output_size = 0;
    if (request.output != nullptr) {
      const auto size = std::min<std::uint64_t>(done.output.size(), request.output_capacity);
      std::copy_n(done.output.data(), size, request.output);
      request.output_size = static_cast<std::uint32_t>(size);
    }
    sized_assign(exec, request);
    return {};
  });
}

std::int32_t guest_subscribe(const fcvm_host* host, std::uint32_t source, fcvm_line_fn line,
                             void* context, std::uint64_t* subscription,
                             fcvm_error* error) noexcept {
  return serve(host, "guest/1 subscribe", error, [&](HostTable& table) -> Result<void> {
    *subscription = FCVM_TRY(table.services().guest->subscribe(
        source, [line, context](std::uint32_t from, std::string_view text) {
          line(context, from, std::string(text).c_str());
        }));
    return {};
  });
}

void guest_unsubscribe(const fcvm_host* host, std::uint64_t subscription) noexcept {
  self(host).services().guest->unsubscribe(subscription);
}

constexpr fcvm_guest_v1 kGuest = {sizeof(fcvm_guest_v1), 0,          guest_dial,
                                  guest_dial_tcp,        guest_exec, guest_subscribe,
                                  guest_unsubscribe};

// --- state/1
// ---------------------------------------------------------------------------------------

std::int32_t state_put(const fcvm_host* host, const char* key, const char* value,
                       fcvm_error* error) noexcept {
  return serve(host, "state/1 put", error, [&](HostTable& table) -> Result<void> {
    return table.services().state->put(table.plugin_id(), key, value);
  });
}

std::int32_t state_forget(const fcvm_host* host, const char* key, fcvm_error* error) noexcept {
  return serve(host, "state/1 forget", error, [&](HostTable& table) -> Result<void> {
    return table.services().state->forget(table.plugin_id(), key);
  });
}

std::int32_t state_list(const fcvm_host* host, fcvm_emit_fn emit, void* context,
                        fcvm_error* error) noexcept {
  return serve(host, "state/1 list", error, [&](HostTable& table) -> Result<void> {
    for (const auto& [key, value] : table.services().state->list(table.plugin_id())) {
      if (emit(context, (key + '\t' + value).c_str()) != 0) break;
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

// --- progress/1
// ------------------------------------------------------------------------------------

std::uint64_t progress_begin(const fcvm_host* host, const char* what, std::uint64_t total,
                             const char* unit) noexcept {
  return self(host).services().progress->begin(what, total, unit == nullptr ? "" : unit);
}

void progress_update(const fcvm_host* host, std::uint64_t progress, std::uint64_t done) noexcept {
  self(host).services().progress->update(progress, done);
}

void progress_end(const fcvm_host* host, std::uint64_t progress, std::int32_t succeeded) noexcept {
  self(host).services().progress->end(progress, succeeded != 0);
}

constexpr fcvm_progress_v1 kProgress = {sizeof(fcvm_progress_v1), 0, progress_begin,
                                        progress_update, progress_end};

const void* service(const fcvm_host* host, const char* id) noexcept {
  const Services& offered = self(host).services();
  const std::string_view wanted = id == nullptr ? "" : id;
  if (wanted == "log/1") return &kLog;
  if (wanted == "process/1") return offered.process == nullptr ? nullptr : &kProcess;
  if (wanted == "guest/1") return offered.guest == nullptr ? nullptr : &kGuest;
  if (wanted == "state/1") return offered.state == nullptr ? nullptr : &kState;
  if (wanted == "progress/1") return offered.progress == nullptr ? nullptr : &kProgress;
  return nullptr;
}

}  // namespace

HostTable::HostTable(std::string plugin_id, Services services)
    : plugin_id_(std::move(plugin_id)),
      services_(services),
      host_{sizeof(fcvm_host), 0, FCVM_VERSION, this, service} {}

}  // namespace fcvm::plugin
