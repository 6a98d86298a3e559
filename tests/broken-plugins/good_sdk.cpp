// A correct gate on the SDK, with an option of every type.
#include <fcvm/readiness.hpp>

namespace {

class GoodGate : public fcvm::ReadinessPlugin {
 public:
  static constexpr fcvm::Info kInfo{"readiness.good", "1.0.0", "waits for a line that never comes"};

  struct Options {
    std::string pattern = "ready";
    std::string mode = "any";
    bool verbose = false;
    int count = 1;
    fcvm::Bytes limit{4096};
    std::chrono::nanoseconds interval = std::chrono::milliseconds(10);
    std::vector<std::string> words;
    static auto table() {
      return fcvm::options(
          fcvm::option("pattern", &Options::pattern, "what to look for"),
          fcvm::option("mode", &Options::mode, "how many must match").choices("any|all"),
          fcvm::option("verbose", &Options::verbose, "log every line"),
          fcvm::option("count", &Options::count, "how many times"),
          fcvm::option("limit", &Options::limit, "how much to read"),
          fcvm::option("interval", &Options::interval, "how often to look"),
          fcvm::option("words", &Options::words, "further words to look for"));
    }
  };

  GoodGate(fcvm::Host host, Options options) : host_(host), options_(std::move(options)) {}

  fcvm::Result<void> wait(const fcvm_ready_target&, const fcvm::Call& call) {
    host_.debug("waiting for " + options_.pattern);
    const auto lines = FCVM_TRY(host_.subscribe(FCVM_OUTPUT_STDOUT, [](const auto&) {}));
    for (;;) FCVM_TRY(call.sleep(options_.interval));
  }

  fcvm::Result<void> recover(const fcvm::Call& call) { return call.check(); }

 private:
  fcvm::Host host_;
  Options options_;
};

}  // namespace

FCVM_EXPORT_PLUGIN(GoodGate);
