// Starting a command in a VM from outside of its supervisor: request, ack, go.
#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include <fcvm/result.hpp>

#include "core/vm/guest/guest_control.hpp"
#include "core/vm/guest/guest_stream.hpp"
#include "core/vm/store/store.hpp"
#include "core/wire/exec.hpp"

namespace fcvm::vm {

/// It has been told to go: its frames follow.
struct ExecBegun {
  GuestStream stream;
  std::uint64_t stdin_credit = 0;
  std::string way;  // how it gets into the container, in the agent's words
};

/// Reaches the ports of a VM's guest through its supervisor. The store has to outlive it.
[[nodiscard]] DialGuest dial_by_supervisor(const Store& store, std::string id);

/// In a VM that is reached through its supervisor. Begins it, or gives the agent's reason why it
/// cannot run. A stream that breaks before the go was sent has started nothing, so it is tried
/// again until the deadline (ETIMEDOUT); later the command's fate is what the stream says, and
/// unknown when it breaks.
[[nodiscard]] Result<std::variant<ExecBegun, wire::ExecFailed>> begin_exec(
    const Store& store, const std::string& id, wire::ExecRequest request, base::Deadline deadline);

/// The same for whoever reaches the guest's ports otherwise.
[[nodiscard]] Result<std::variant<ExecBegun, wire::ExecFailed>> begin_exec(
    const DialGuest& dial, wire::ExecRequest request, base::Deadline deadline);

}  // namespace fcvm::vm
