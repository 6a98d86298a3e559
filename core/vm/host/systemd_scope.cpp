// See systemd_scope.hpp. The interface: org.freedesktop.systemd1(5).
#include "core/vm/host/systemd_scope.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include "core/base/deadline.hpp"

namespace fcvm::vm {
namespace {

constexpr const char* kService = "org.freedesktop.systemd1";
constexpr const char* kPath = "/org/freedesktop/systemd1";
constexpr const char* kManager = "org.freedesktop.systemd1.Manager";
/// Systemd takes some milliseconds. A bus that hangs must not keep a VM from its start for long.
constexpr auto kPatience = std::chrono::seconds(3);

struct CloseBus {
  void operator()(sd_bus* bus) const { ::sd_bus_close_unref(bus); }
};
using Bus = std::unique_ptr<sd_bus, CloseBus>;

struct ReleaseMessage {
  void operator()(sd_bus_message* message) const { ::sd_bus_message_unref(message); }
};
using Message = std::unique_ptr<sd_bus_message, ReleaseMessage>;

/// sd-bus returns what went wrong as a negative number.
Result<void> check(int code, const std::string& doing) {
  if (code >= 0) return {};
  return fail(-code, doing + ": " + std::strerror(-code));
}

std::uint64_t left_us(base::Deadline deadline) {
  return static_cast<std::uint64_t>(std::max(deadline.as_poll_ms(), 1)) * 1000;
}

/// What systemd does for a unit; the signal JobRemoved tells how it went.
struct Job {
  std::string unit;
  std::optional<std::string> result;
};

int on_job_removed(sd_bus_message* signal, void* data, sd_bus_error* /*error*/) {
  std::uint32_t id = 0;
  const char *path = nullptr, *unit = nullptr, *result = nullptr;
  if (::sd_bus_message_read(signal, "uoss", &id, &path, &unit, &result) < 0) return 0;
  Job& job = *static_cast<Job*>(data);
  if (job.unit == unit) job.result = result;
  return 0;
}

Result<void> call(sd_bus* bus, const Message& question, base::Deadline deadline,
                  const std::string& doing) {
  sd_bus_error error = SD_BUS_ERROR_NULL;
  sd_bus_message* answer = nullptr;
  const int code = ::sd_bus_call(bus, question.get(), left_us(deadline), &error, &answer);
  const std::string said = error.message == nullptr ? std::strerror(-code) : error.message;
  ::sd_bus_error_free(&error);
  const Message released(answer);
  if (code < 0) return fail(-code, doing + ": " + said);
  return {};
}

Result<Message> question(sd_bus* bus, const char* verb) {
  sd_bus_message* made = nullptr;
  FCVM_TRY(check(::sd_bus_message_new_method_call(bus, &made, kService, kPath, kManager, verb),
                 std::string("asking systemd to ") + verb));
  return Message(made);
}

Result<Message> scope_question(sd_bus* bus, const std::string& unit, const std::string& vm_id) {
  Message scope = FCVM_TRY(question(bus, "StartTransientUnit"));
  const std::string description = "fcvm's VM " + vm_id;
  // Systemd forgets the scope once it has ended, whether well or not.
  FCVM_TRY(check(::sd_bus_message_append(scope.get(), "ssa(sv)a(sa(sv))", unit.c_str(), "fail", 4,
                                         "Description", "s", description.c_str(), "PIDs", "au", 1,
                                         static_cast<std::uint32_t>(::getpid()), "Delegate", "b", 1,
                                         "CollectMode", "s", "inactive-or-failed", 0),
                 "describing " + unit));
  return scope;
}

}  // namespace

Result<void> enter_systemd_scope(const std::string& vm_id) {
  const auto deadline = base::Deadline::in(kPatience);
  Job job{"fcvm-" + vm_id + ".scope", {}};
  const std::string doing = "asking systemd for " + job.unit;
  sd_bus* opened = nullptr;
  FCVM_TRY(check(::sd_bus_open_user(&opened), doing + ": opening the user's bus"));
  const Bus bus(opened);
  FCVM_TRY(check(::sd_bus_set_method_call_timeout(bus.get(), left_us(deadline)), doing));
  FCVM_TRY(check(::sd_bus_match_signal(bus.get(), nullptr, kService, kPath, kManager, "JobRemoved",
                                       on_job_removed, &job),
                 doing));
  const Message subscribe = FCVM_TRY(question(bus.get(), "Subscribe"));
  FCVM_TRY(call(bus.get(), subscribe, deadline, doing));
  const Message scope = FCVM_TRY(scope_question(bus.get(), job.unit, vm_id));
  FCVM_TRY(call(bus.get(), scope, deadline, doing));
  while (!job.result) {
    const int handled = ::sd_bus_process(bus.get(), nullptr);
    FCVM_TRY(check(handled, doing));
    if (handled > 0) continue;
    if (deadline.expired()) return fail(ETIMEDOUT, doing + ": systemd does not answer");
    FCVM_TRY(check(::sd_bus_wait(bus.get(), left_us(deadline)), doing));
  }
  if (*job.result != "done") return fail(EIO, doing + ": the job ended as \"" + *job.result + '"');
  return {};
}

}  // namespace fcvm::vm
