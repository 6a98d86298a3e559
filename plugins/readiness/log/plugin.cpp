// readiness.log: ready once a line of what the container, or the console, has said since it began
// matches a regular expression.
#include <cerrno>
#include <mutex>
#include <string>
#include <sys/eventfd.h>
#include <vector>

#include <fcvm/readiness.hpp>

#include "plugins/readiness/common/last_line.hpp"
#include "plugins/readiness/common/regex.hpp"

namespace fcvm::readiness {
namespace {

/// Of a line, for a message: what comes before it in a long one is forgotten.
constexpr std::size_t kMostKept = 200;

struct LogOptions {
  std::string pattern;
  std::string stream = "output";

  static auto table() {
    return options(option("pattern", &LogOptions::pattern,
                          "Regular expression that a line has to match, in any part of it")
                       .required(),
                   option("stream", &LogOptions::stream, "Whose lines")
                       .choices("output|stdout|stderr|console"));
  }
};

std::vector<std::uint32_t> sources_of(const std::string& stream) {
  if (stream == "console") return {FCVM_OUTPUT_CONSOLE};
  if (stream == "stdout") return {FCVM_OUTPUT_STDOUT};
  if (stream == "stderr") return {FCVM_OUTPUT_STDERR};
  return {FCVM_OUTPUT_STDOUT, FCVM_OUTPUT_STDERR};
}

/// What all sources of one wait come to.
class Findings {
 public:
  Findings() : found_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

  /// Readable once a line has matched.
  [[nodiscard]] int fd() const { return found_.get(); }
  void found() { ::eventfd_write(found_.get(), 1); }
  void saw(std::string_view line) {
    const std::lock_guard lock(mutex_);
    ++lines_;
    last_ = line.substr(0, kMostKept);
  }
  [[nodiscard]] std::string text() const {
    const std::lock_guard lock(mutex_);
    if (lines_ == 0) return "there was no line at all";
    return "none of " + std::to_string(lines_) + " did, the last: " + last_line(last_);
  }

 private:
  Fd found_;
  mutable std::mutex mutex_;
  std::uint64_t lines_ = 0;
  std::string last_;
};

/// The lines of one source, on a thread of the host's.
class Listener {
 public:
  Listener(const Regex& pattern, Findings& findings) : search_(pattern), findings_(findings) {}

  void take(const fcvm_line& line) {
    if (told_) return;
    const std::string_view text(line.bytes, line.length);
    const bool complete = (line.flags & FCVM_LINE_GOES_ON) == 0;
    if (complete) findings_.saw(text);
    // A pattern that matches nothing at all has matched before there is a line.
    if (search_.matched() || search_.feed(text) || (complete && search_.feed("\n"))) {
      told_ = true;
      findings_.found();
    }
  }

 private:
  RegexSearch search_;
  Findings& findings_;
  bool told_ = false;
};

class LogGate : public ReadinessPlugin {
 public:
  using Options = LogOptions;
  static constexpr Info kInfo{"readiness.log", FCVM_VERSION,
                              "ready once a line of the container's output matches a pattern"};

  LogGate(Host host, Options options) : host_(host), options_(std::move(options)) {}

  Result<void> wait(const fcvm_ready_target& /*target*/, const Call& call) {
    const Regex pattern = FCVM_TRY(Regex::compile(options_.pattern) | context("pattern"));
    Findings findings;
    if (findings.fd() < 0) return fail_errno("making an eventfd");
    std::vector<Host::Subscription> subscriptions;
    for (const auto source : sources_of(options_.stream)) {
      const auto listener = std::make_shared<Listener>(pattern, findings);
      subscriptions.push_back(FCVM_TRY(
          host_.subscribe(source, [listener](const fcvm_line& line) { listener->take(line); })));
    }
    const auto waited = call.wait(findings.fd(), POLLIN);
    if (waited) return {};
    return fail(waited.error().code(), "a line of the " + options_.stream + " has to match \"" +
                                           options_.pattern + "\"; " + findings.text());
  }

 private:
  Host host_;
  Options options_;
};

}  // namespace

FCVM_EXPORT_PLUGIN(LogGate);

}  // namespace fcvm::readiness
