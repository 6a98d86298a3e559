// readiness.file-exists: ready once a file is there in the container.
#include <fcvm/readiness.hpp>

struct Options {
  std::string path;
  std::chrono::nanoseconds interval = std::chrono::milliseconds(200);

  static auto table() {
    return fcvm::options(
        fcvm::option("path", &Options::path, "File in the container to wait for").required(),
        fcvm::option("interval", &Options::interval, "How long to wait between two looks"));
  }
};

class FileExists : public fcvm::ReadinessPlugin {
 public:
  using Options = ::Options;
  static constexpr fcvm::Info kInfo{"readiness.file-exists", "1.0.0",
                                    "ready once a file exists in the container"};

  FileExists(fcvm::Host host, Options options) : host_(host), options_(std::move(options)) {}

  fcvm::Result<void> wait(const fcvm_ready_target&, const fcvm::Call& call) {
    for (;;) {
      const auto test = FCVM_TRY(host_.exec({.arguments = {"test", "-e", options_.path}}, call) |
                                 fcvm::context("looking for " + options_.path));
      if (test.exit_code == 0) return {};
      if (test.exit_code != 1) {  // 126 or 127: asking again will not help
        return fcvm::fail(
            EIO, "looking for " + options_.path + ": `test` in the container: " + test.errors);
      }
      FCVM_TRY(call.sleep(options_.interval) | fcvm::context(options_.path + " is not there yet"));
    }
  }

 private:
  fcvm::Host host_;
  Options options_;
};
FCVM_EXPORT_PLUGIN(FileExists);
