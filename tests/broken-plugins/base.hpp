// A whole and correct plugin on the bare ABI, readiness.broken, from which each broken one changes
// one thing: FCVM_BROKEN(plugin.destroy = my_destroy) makes the entry symbol.
#pragma once

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <poll.h>
#include <string_view>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <fcvm/host.h>
#include <fcvm/readiness.h>

namespace base {

struct Instance {
  int event = -1;
  std::atomic<int> waiting{0};
};

inline std::int32_t failed(fcvm_error* error, std::int32_t code, const char* message) {
  if (error != nullptr && error->size >= sizeof *error) {
    error->code = code;
    std::strncpy(error->message, message, sizeof error->message - 1);
    error->message[sizeof error->message - 1] = '\0';
    error->remedy[0] = '\0';
  }
  return code;
}

/// Gives as much of `from` as there is room for.
template <typename T>
void give(T* to, const T& from) {
  const std::uint32_t room = to->size;
  std::memcpy(to, &from, room < sizeof from ? room : sizeof from);
  to->size = room;
}

inline fcvm_option options[] = {
    {sizeof(fcvm_option), FCVM_OPTION_TEXT, "pattern", nullptr, "what to look for", nullptr,
     nullptr, FCVM_OPTION_REQUIRED, 0},
    {sizeof(fcvm_option), FCVM_OPTION_TEXT, "mode", "any", "how many must match", "any|all",
     nullptr, 0, 0},
    {sizeof(fcvm_option), FCVM_OPTION_DURATION, "interval", "10ms", "how often", nullptr, nullptr,
     0, 0},
    {sizeof(fcvm_option), FCVM_OPTION_INTEGER, "count", "1", "how many times", nullptr, nullptr, 0,
     0},
};
inline const fcvm_option* const option_rows[] = {&options[0], &options[1], &options[2],
                                                 &options[3]};
inline fcvm_descriptor descriptor = {sizeof(fcvm_descriptor),
                                     FCVM_ABI_VERSION,
                                     "readiness.broken",
                                     FCVM_KIND_READINESS,
                                     "1.2.3",
                                     "breaks one rule",
                                     "0.1.0",
                                     0,
                                     option_rows,
                                     4,
                                     FCVM_DRAFT,
                                     0,
                                     0};

inline std::int32_t describe(fcvm_descriptor* out, fcvm_error*) {
  give(out, descriptor);
  return 0;
}

inline const fcvm_option* find_option(const char* name) {
  for (const auto& option : options) {
    if (name != nullptr && std::string_view(option.name) == name) return &option;
  }
  return nullptr;
}

inline std::int32_t check_settings(const fcvm_settings* settings, fcvm_error* error) {
  bool has_pattern = false;
  for (std::uint32_t i = 0; i < settings->count; ++i) {
    const fcvm_option* const known = find_option(settings->items[i]->name);
    if (known == nullptr) return failed(error, -EINVAL, "unknown option");
    if (known->type != settings->items[i]->type) return failed(error, -EINVAL, "wrong type");
    has_pattern = has_pattern || known == &options[0];
  }
  return has_pattern ? 0 : failed(error, -EINVAL, "pattern is required");
}

inline std::int32_t probe(const fcvm_host*, const fcvm_settings*, std::int64_t, fcvm_probe* out,
                          fcvm_error*) {
  fcvm_probe answer{};
  answer.status = FCVM_PROBE_USABLE;
  give(out, answer);
  return 0;
}

/// The table of a service, or NULL when this host has none.
inline const void* service(const fcvm_host* host, const char* id) {
  if (host->size < offsetof(fcvm_host, service) + sizeof host->service) return nullptr;
  return host->service(host, id);
}

inline std::int32_t create(const fcvm_host* host, const fcvm_settings* settings, void** instance,
                           fcvm_error* error) {
  const std::int32_t code = check_settings(settings, error);
  if (code != 0) return code;
  const auto* const log = static_cast<const fcvm_log_v1*>(service(host, "log/1"));
  if (log != nullptr) log->write(host, FCVM_LOG_DEBUG, "made");
  auto* const made = new Instance;
  made->event = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  *instance = made;
  return 0;
}

inline void destroy(void** instance) {
  auto* const self = static_cast<Instance*>(*instance);
  *instance = nullptr;
  if (self != nullptr) ::close(self->event);
  delete self;
}

inline void cancel(void* instance) {
  auto* const self = static_cast<Instance*>(instance);
  const std::uint64_t one = 1;
  if (self->waiting > 0 && ::write(self->event, &one, sizeof one) < 0) std::abort();
}

inline std::int64_t now() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

/// Waits for a cancel, which is all that this gate ever sees.
inline std::int32_t wait_until(Instance* self, std::int64_t deadline, fcvm_error* error) {
  ++self->waiting;
  pollfd fd{self->event, POLLIN, 0};
  while (fd.revents == 0 && now() < deadline) {
    const std::int64_t left = (deadline - now()) / 1'000'000 + 1;
    ::poll(&fd, 1, left > 60'000 ? 60'000 : static_cast<int>(left));
  }
  --self->waiting;
  std::uint64_t count = 0;
  const bool cancelled = ::read(self->event, &count, sizeof count) > 0;
  return cancelled ? failed(error, -ECANCELED, "canceled")
                   : failed(error, -ETIMEDOUT, "nothing matched");
}

inline std::int32_t wait(void* instance, const fcvm_ready_target*, std::int64_t deadline,
                         fcvm_error* error) {
  return wait_until(static_cast<Instance*>(instance), deadline, error);
}

inline fcvm_readiness_v1 readiness_verbs = {sizeof(fcvm_readiness_v1), 0, wait};

inline const void* verbs(const char* kind) {
  return kind != nullptr && std::string_view(kind) == FCVM_KIND_READINESS ? &readiness_verbs
                                                                          : nullptr;
}

inline std::int32_t recover(const fcvm_host*, const fcvm_settings*, std::int64_t, fcvm_error*) {
  return 0;
}

inline fcvm_plugin plugin() {
  return {sizeof(fcvm_plugin), 0, describe, probe, create, destroy, cancel, verbs, recover};
}

}  // namespace base

/// The statements run once, before the entry is first answered; `plugin` is the table.
#define FCVM_BROKEN(...)                                                 \
  extern "C" FCVM_EXPORT const fcvm_plugin* fcvm_plugin_entry_v1(void) { \
    static fcvm_plugin table = [] {                                      \
      fcvm_plugin plugin = base::plugin();                               \
      __VA_ARGS__;                                                       \
      return plugin;                                                     \
    }();                                                                 \
    return &table;                                                       \
  }                                                                      \
  static_assert(true, "")
