// A readiness gate of somebody else's project, with an option.
#include <fcvm/readiness.hpp>

struct Options {
  std::chrono::nanoseconds delay = std::chrono::seconds(1);
  static auto table() {
    return fcvm::options(fcvm::option("delay", &Options::delay, "How long to wait"));
  }
};

class Delay : public fcvm::ReadinessPlugin {
 public:
  using Options = ::Options;
  static constexpr fcvm::Info kInfo{"readiness.consumer", "0.3.0", "ready after a while"};
  explicit Delay(Options options) : options_(options) {}
  fcvm::Result<void> wait(const fcvm_ready_target&, const fcvm::Call& call) {
    return call.sleep(options_.delay);
  }

 private:
  Options options_;
};
FCVM_EXPORT_PLUGIN(Delay);
