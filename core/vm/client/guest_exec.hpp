// A command in a guest from its beginning to its end, for plugins: its output is handed on piece by
// piece, and a cancel ends it.
#pragma once

#include <string_view>

#include <fcvm/result.hpp>
#include <fcvm/sdk/call.hpp>

#include "core/plugin/services.hpp"
#include "core/vm/client/exec_client.hpp"

namespace fcvm::vm {

/// How long one attempt may take before it is looked whether the call was cancelled meanwhile.
inline constexpr std::chrono::milliseconds kFirstAttempt{500};

/// Attempts grow, so that a slow guest is reached all the same. Only for what changes nothing when
/// it is given up and begun again.
template <typename Attempt>
auto repeated(const Call& call, const Attempt& attempt)
    -> decltype(attempt(base::Deadline::never())) {
  for (auto limit = std::chrono::nanoseconds(kFirstAttempt);; limit *= 2) {
    FCVM_TRY(call.check());
    const std::int64_t until = call.deadline(limit);
    auto done = attempt(base::Deadline::at_ns(until));
    const bool again = !done && done.error().code() == ETIMEDOUT && until != call.deadline();
    if (!again) return done;
  }
}

/// The command's exit code, as a shell would give it. A command that a cancel, the deadline or
/// `output` ends is killed in the guest.
[[nodiscard]] Result<int> run_in_guest(const DialGuest& dial, const wire::ExecRequest& request,
                                       std::string_view input, const Call& call,
                                       const plugin::GuestService::OutputHandler& output);

}  // namespace fcvm::vm
