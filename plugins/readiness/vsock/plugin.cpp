// readiness.vsock: ready once the guest's agent answers, or somebody listens on a guest port.
#include <fcvm/readiness.hpp>

#include "core/wire/ports.hpp"
#include "plugins/readiness/common/attempts.hpp"
#include "plugins/readiness/common/guest_stream.hpp"

namespace fcvm::readiness {
namespace {

using namespace std::chrono_literals;

struct VsockOptions {
  std::int64_t port = 0;
  std::chrono::nanoseconds interval = 20ms;
  std::chrono::nanoseconds timeout = 5s;

  static auto table() {
    return options(
        option("port", &VsockOptions::port,
               "Guest port on which somebody has to listen; without one, the agent has to answer"),
        option("interval", &VsockOptions::interval, "Time between two attempts"),
        option("timeout", &VsockOptions::timeout, "Longest time that an attempt may take"));
  }
};

class VsockGate : public ReadinessPlugin {
 public:
  using Options = VsockOptions;
  static constexpr Info kInfo{"readiness.vsock", FCVM_VERSION,
                              "ready once the guest's agent answers, or a guest port is open"};

  VsockGate(Host host, Options options) : host_(host), options_(options) {}

  Result<void> wait(const fcvm_ready_target& /*target*/, const Call& call) {
    FCVM_TRY(check_pace(options_.interval, options_.timeout));
    if (options_.port < 0 || options_.port > UINT32_MAX) {
      return fail(EINVAL, "port: not from 1 to 4294967295", "port=5000");
    }
    const auto port = static_cast<std::uint32_t>(options_.port);
    const std::string what =
        port == 0 ? "the guest's agent has to answer"
                  : "somebody has to listen on the guest port " + std::to_string(port);
    return attempt_until_passed(call, options_.interval, what, [&] { return attempt(port, call); });
  }

 private:
  [[nodiscard]] Result<Seen> attempt(std::uint32_t port, const Call& call) const {
    if (port == 0) {
      FCVM_TRY(GuestStream::to_agent(host_, wire::kExecPort, call, options_.timeout));
    } else {
      FCVM_TRY(host_.dial_guest(port, call, options_.timeout));
    }
    return Seen();
  }

  Host host_;
  Options options_;
};

}  // namespace

FCVM_EXPORT_PLUGIN(VsockGate);

}  // namespace fcvm::readiness
