// See attempts.hpp.
#include "plugins/readiness/common/attempts.hpp"

#include <cerrno>

namespace fcvm::readiness {
namespace {

using namespace std::chrono_literals;

/// Asking again will not help, or may not.
bool is_final(int code) {
  return code == EINVAL || code == ENOTSUP || code == ECANCELED || code == EFAULT;
}

}  // namespace

Result<void> check_pace(std::chrono::nanoseconds interval, std::chrono::nanoseconds timeout) {
  if (interval < 1ms) return fail(EINVAL, "interval: less than 1ms", "interval=100ms");
  if (timeout < 1ms) return fail(EINVAL, "timeout: less than 1ms", "timeout=5s");
  return {};
}

Result<void> attempt_until_passed(const Call& call, std::chrono::nanoseconds interval,
                                  const std::string& what, const Attempt& attempt) {
  std::string last = "nothing yet";
  const auto waiting = [&] { return what + "; seen last: " + last; };
  for (;;) {
    auto seen = attempt();
    if (seen && !*seen) return {};
    if (!seen && is_final(seen.error().code())) return unexpected(std::move(seen).error().context(what));
    const bool out_of_time = call.remaining().count() == 0;
    // What the deadline cut short has seen nothing, but what came before it has.
    if (!out_of_time || seen || last == "nothing yet") {
      last = seen ? **seen : seen.error().message();
    }
    if (auto slept = call.sleep(interval); !slept) {
      return fail(slept.error().code(), waiting());
    }
  }
}

}  // namespace fcvm::readiness
