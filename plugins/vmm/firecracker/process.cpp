// See process.hpp.
#include "plugins/vmm/firecracker/process.hpp"

#include <array>
#include <fcntl.h>
#include <utility>

#include "plugins/vmm/common/surroundings.hpp"
#include "plugins/vmm/common/tail.hpp"

namespace fcvm::firecracker {

namespace {

constexpr const char* kLog = "firecracker.log";
constexpr const char* kMetrics = "firecracker.metrics";
/// A file of its own: Firecracker does not append to its log, and would write over what lies there.
constexpr const char* kStderr = "firecracker.stderr";
constexpr std::chrono::milliseconds kEndLimit{1000};
/// Metadata documents and CPU templates may be long; the default is 50 KiB.
constexpr const char* kLongestBody = "1048576";

std::vector<std::string> command_line(const Options& options, const std::string& binary,
                                      const fcvm_vm_spec& spec) {
  std::vector<std::string> words = {binary, "--api-sock", VmmProcess::kApiSocket};
  if (spec.vm_id != nullptr) words.insert(words.end(), {"--id", spec.vm_id});
  words.insert(words.end(), {"--log-path", kLog, "--level", options.log_level});
  if (options.metrics) words.insert(words.end(), {"--metrics-path", kMetrics});
  words.insert(words.end(),
               {"--http-api-max-payload-size", kLongestBody, "--mmds-size-limit", kLongestBody});
  if (!options.seccomp) words.emplace_back("--no-seccomp");
  if (options.pci) words.emplace_back("--enable-pci");
  return words;
}

Result<Fd> open_output(int directory, const std::string& name, int flags) {
  Fd fd(
      ::openat(directory, name.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | flags, 0600));
  if (!fd) return fail_errno("making " + name + " in the VM's directory");
  return fd;
}

/// The exit statuses that Firecracker documents.
std::string status_text(int code) {
  constexpr std::array<std::pair<int, const char*>, 9> kKnown = {
      {{148, "it made a system call that its seccomp filter forbids"},
       {149, "SIGBUS: the host ran out of memory, huge pages or disk space for it"},
       {150, "SIGSEGV"},
       {151, "SIGXFSZ: a file grew beyond its limit"},
       {152, "its configuration is bad"},
       {153, "it does not know an argument"},
       {154, "SIGXCPU"},
       {156, "SIGHUP"},
       {157, "SIGILL"}}};
  std::string text = "Firecracker exited with " + std::to_string(code);
  for (const auto& [known, meaning] : kKnown) {
    if (known == code) text += std::string(" (") + meaning + ")";
  }
  return text;
}

bool is_end(int code) {
  return code == EPIPE || code == ESRCH || code == ECONNRESET || code == ECONNREFUSED ||
         code == ENOENT;
}

}  // namespace

VmmProcess::VmmProcess(const Host& host, const fcvm_vm_spec& spec)
    : host_(host),
      console_(spec.console == nullptr ? "" : spec.console),
      guest_socket_(spec.guest_socket == nullptr ? "" : spec.guest_socket) {}

VmmProcess::~VmmProcess() {
  process_.set({});
  remove_sockets();
}

Result<std::unique_ptr<VmmProcess>> VmmProcess::launch(const Host& host, const Options& options,
                                                       const std::string& binary,
                                                       const Version& version,
                                                       const fcvm_vm_spec& spec) {
  if (options.pci && !version.has_pci()) {
    return fail(ENOTSUP, "pci is set, but Firecracker " + version.text + " has no PCI",
                "unset plugin.\"vmm.firecracker\".pci, or install Firecracker 1.13 or newer");
  }
  std::unique_ptr<VmmProcess> made(new VmmProcess(host, spec));
  FCVM_TRY(made->prepare(options, spec));
  FCVM_TRY(made->spawn(command_line(options, binary, spec), spec) | context("starting " + binary));
  return made;
}

/// Firecracker's sockets outlive it, and it does not start where one lies.
Result<void> VmmProcess::prepare(const Options& options, const fcvm_vm_spec& spec) {
  directory_ = FCVM_TRY(vmm::open_directory(spec));
  remove_sockets();
  const Fd log = FCVM_TRY(open_output(directory_.get(), kLog, O_TRUNC));
  if (options.metrics) {
    const Fd metrics = FCVM_TRY(open_output(directory_.get(), kMetrics, O_TRUNC));
  }
  return {};
}

void VmmProcess::remove_sockets() const {
  if (!directory_) return;
  ::unlinkat(directory_.get(), kApiSocket, 0);
  if (!guest_socket_.empty()) ::unlinkat(directory_.get(), guest_socket_.c_str(), 0);
}

/// The serial console is Firecracker's standard output; what comes is kept in files that stay
/// small. What Firecracker's own jailer would do, the host does.
Result<void> VmmProcess::spawn(const std::vector<std::string>& arguments,
                               const fcvm_vm_spec& spec) {
  logs_ = FCVM_TRY(vmm::CapturedLogs::open(directory_.get()));
  Fd console = Fd(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  if (!console_.empty()) console = FCVM_TRY(logs_->add(console_));
  const Fd errors = FCVM_TRY(logs_->add(kStderr));
  logs_->watch(kLog);
  FCVM_TRY(logs_->start());
  ProcessSpec process;
  process.name = "firecracker";
  process.in_directory(directory_.get()).to(console.get()).errors_to(errors.get());
  vmm::give_surroundings(process, spec);
  process_.set(FCVM_TRY(host_.spawn(arguments, process)));
  return {};
}

Result<void> VmmProcess::await_socket(HttpClient& client, std::chrono::nanoseconds limit,
                                      const Call& call) {
  const std::int64_t until = monotonic_now() + limit.count();
  for (;;) {
    auto connected = client.connect(call);
    if (connected) return {};
    const int code = connected.error().code();
    if (code != ENOENT && code != ECONNREFUSED) return connected;
    FCVM_TRY(must_live("waiting for Firecracker's API socket"));
    if (monotonic_now() >= until) {
      return fail(ETIMEDOUT,
                  "waiting for Firecracker's API socket: it did not appear within " +
                      std::to_string(limit.count() / 1'000'000) + " ms" + tails(),
                  "raise plugin.\"vmm.firecracker\".start-timeout if this host is slow");
    }
    FCVM_TRY(call.sleep(std::chrono::milliseconds(1)) |
             context("waiting for Firecracker's API socket"));
  }
}

Result<void> VmmProcess::kill(const Call& call) {
  FCVM_TRY(process_.kill(call));
  remove_sockets();
  (void)end_reason();
  return {};
}

Result<void> VmmProcess::must_live(const std::string& doing) {
  if (running()) return {};
  return unexpected(explain(Error(ESRCH, doing)));
}

Error VmmProcess::explain(Error error) {
  if (!is_end(error.code())) return error;
  pollfd ended{process_.pidfd(), POLLIN, 0};
  // A connection is closed a moment before its process is gone.
  if (::poll(&ended, 1, static_cast<int>(kEndLimit.count())) <= 0) return error;
  // In this order: the reason waits until what was said has come into the files.
  const std::string reason = end_reason();
  return Error(ESRCH, error.message() + ": " + reason + tails(), error.remedy());
}

std::string VmmProcess::end_reason() {
  logs_->settle();
  return process_.end_reason([this] { return find_end_reason(); });
}

/// A guest's power-off and reboot look alike: both end Firecracker with 0.
std::string VmmProcess::find_end_reason() const {
  const std::string killer = process_.killer();
  if (!killer.empty()) return killer;
  const auto code = process_.status().exit_code;
  if (code != 0) return status_text(code);
  const std::string panic = vmm::kernel_panic_in(vmm::tail_of(directory_.get(), console_, 8192));
  return panic.empty() ? "guest powered off" : "guest kernel panicked: " + panic;
}

std::string VmmProcess::tails() const {
  std::string text;
  const auto add = [&](const std::string& name, const char* what) {
    const std::string tail = name.empty() ? "" : vmm::tail_of(directory_.get(), name, 300);
    if (!tail.empty()) text += std::string("\n") + what + " ended with:\n" + tail;
  };
  add(kStderr, "its standard error");
  add(kLog, "its log");
  add(console_, "the console");
  return text;
}

}  // namespace fcvm::firecracker
