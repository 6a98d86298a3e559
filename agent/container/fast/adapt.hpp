// Making the recorded container the one that the boot plan asks for, in podman's own words. Pure:
// it touches no file.
#pragma once

#include <chrono>
#include <string>

#include <fcvm/result.hpp>

#include "agent/container/accounts.hpp"
#include "agent/container/fast/template.hpp"
#include "core/wire/boot_plan.hpp"

namespace fcvm::agent::fast {

/// Fails for what only podman can translate.
Result<void> check_plan(const wire::BootPlan& plan);

/// Podman's configuration of the container; fails when the image asks for what only podman can do.
Result<void> adapt_config(Template& made, const wire::BootPlan& plan, const std::string& created);

/// Whose the container's process is: what the options or the image say.
std::string user_of(const Template& made);
/// The entry that podman adds to /etc/passwd, or /etc/group, for a number that is not there; empty:
/// none.
std::string passwd_entry(const std::string& user, const std::string& passwd,
                         const std::string& group, const std::string& workdir);
std::string group_entry(const std::string& user, const std::string& group);

/// After adapt_config(): crun's configuration. `account` is user_of() in the image's own files.
Result<void> adapt_oci(Template& made, const Account& account);
Result<void> adapt_conmon(Template& made, const wire::ContainerSpec& spec,
                          const std::string& console_socket);
/// The state of the running container.
Result<void> adapt_state(Template& made, pid_t pid, pid_t conmon, const std::string& started);

/// As Go writes it.
std::string time_text(std::chrono::system_clock::time_point when);

}  // namespace fcvm::agent::fast
