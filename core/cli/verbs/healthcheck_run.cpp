// fcvm healthcheck run: checks a container once, by the check that it was started with.
#include <cstdio>

#include <fmt/core.h>

#include "core/base/deadline.hpp"
#include "core/cli/running_vm.hpp"
#include "core/cli/verbs/verbs.hpp"
#include "core/vm/client/guest_service.hpp"

namespace fcvm::cli {
namespace {

constexpr int kUnhealthy = 1;

Result<int> run(Invocation& invocation) {
  const auto found = FCVM_TRY(find_running_vm(invocation, "check"));
  const vm::HealthRecord& health = found.record.health;
  if (health.command.empty()) {
    return fail(EINVAL, fmt::format("VM {} has no health check", found.record.name),
                "fcvm run --health-cmd COMMAND gives it one");
  }
  const vm::Store* store = FCVM_TRY(invocation.store());
  vm::GuestService guest(*store, found.record.id, false);
  CancelSource nobody;
  const auto limit = std::chrono::milliseconds(health.timeout_ms);
  const Call call(nobody, base::Deadline::in(limit).as_ns());
  plugin::GuestService::Exec check;
  check.arguments = health.command;
  check.in_container = true;
  const auto code = guest.exec(check, call, [](std::uint32_t, std::string_view) { return true; });
  if (!code && code.error().code() != ETIMEDOUT && code.error().code() != ENOENT) {
    return unexpected(code.error());
  }
  if (code && *code == 0) return 0;
  fmt::print("unhealthy\n");
  return kUnhealthy;
}

}  // namespace

Verb healthcheck_run_verb() {
  return {
      .name = "healthcheck run",
      .aliases = {"podman healthcheck run"},
      .arguments = "NAME",
      .summary = "Check once whether a container is well",
      .details =
          "Runs the check that the image or --health-cmd has, in the container. The exit code\n"
          "is 0 when it passes; else it is 1, and \"unhealthy\" is printed. The checks that the\n"
          "guest makes by itself, which `fcvm ls` and `fcvm inspect` show, go on beside it.\n"
          "\n"
          "Example:\n"
          "  fcvm healthcheck run db\n",
      .options = one_vm_options(),
      .positionals = {.max = 1, .names = Names::kLiveVms},
      .run = run};
}

}  // namespace fcvm::cli
