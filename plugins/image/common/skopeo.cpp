// See skopeo.hpp. Its output goes to memory files, which cannot fill up and stop it as a pipe does.
#include "plugins/image/common/skopeo.hpp"

#include <algorithm>
#include <csignal>
#include <poll.h>
#include <sys/mman.h>

#include "core/base/io/fd.hpp"
#include "plugins/image/common/skopeo_error.hpp"

namespace fcvm::archive {

namespace {

constexpr std::size_t kLargestOutput = 4 << 20;
constexpr std::chrono::milliseconds kTick{200};

Result<Fd> memory_file(const char* name) {
  const int fd = ::memfd_create(name, MFD_CLOEXEC);
  if (fd < 0) return fail_errno("making a memory file");
  return Fd(fd);
}

Result<std::string> content_of(const Fd& file) {
  if (::lseek(file.get(), 0, SEEK_SET) != 0) return fail_errno("reading what skopeo said");
  return base::read_all(file.get(), kLargestOutput) | context("reading what skopeo said");
}

struct Ended {
  fcvm_process_status status;
  std::string output;
  std::string errors;
};

Result<fcvm_process_status> wait_ticking(const Process& process, const Call& call,
                                         const Skopeo::Tick& tick) {
  for (;;) {
    FCVM_TRY(call.check());
    pollfd fds[2] = {{call.cancel_fd(), POLLIN, 0}, {process.pidfd(), POLLIN, 0}};
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(call.remaining());
    const int timeout = static_cast<int>(std::min(kTick, left).count());
    if (::poll(fds, 2, timeout) < 0 && errno != EINTR) return fail_errno("waiting for skopeo");
    FCVM_TRY(tick());
    if (fds[1].revents != 0) return process.status();
  }
}

/// Runs it to its end; leaving early, by cancel or deadline, kills it.
Result<Ended> run_program(const Host& host, const std::string& program,
                          const std::vector<std::string>& arguments, const Call& call,
                          const Skopeo::Tick& tick) {
  const Fd output = FCVM_TRY(memory_file("skopeo-output"));
  const Fd errors = FCVM_TRY(memory_file("skopeo-errors"));
  std::vector<const char*> argv = {program.c_str()};
  for (const auto& argument : arguments) argv.push_back(argument.c_str());
  argv.push_back(nullptr);
  ProcessSpec spec;
  spec.name = "skopeo";
  spec.program = program.c_str();
  spec.arguments = argv.data();
  spec.to(output.get()).errors_to(errors.get());
  Result<Process> process = host.spawn(spec);
  if (!process && process.error().code() == ENOENT) {
    return fail(ENOENT, "skopeo, which fetches images, is not installed (" + program + ")",
                "apt install skopeo");
  }
  if (!process) return unexpected(std::move(process).error());
  const auto status = FCVM_TRY(wait_ticking(*process, call, tick));
  return Ended{status, FCVM_TRY(content_of(output)), FCVM_TRY(content_of(errors))};
}

std::string how_it_ended(const fcvm_process_status& status) {
  if (status.exit_signal != 0) {
    return "skopeo was killed by signal " + std::to_string(status.exit_signal);
  }
  return "skopeo exited with " + std::to_string(status.exit_code);
}

}  // namespace

bool Skopeo::insecure(const Reference& reference) const {
  const auto& hosts = options_.insecure_registries;
  return reference.in_registry() && std::ranges::find(hosts, reference.host) != hosts.end();
}

Result<std::string> Skopeo::run(const Reference& reference, std::vector<std::string> arguments,
                                const std::string& scratch, const Call& call,
                                const Skopeo::Tick& tick) const {
  std::vector<std::string> all = {"--override-os", platform_.os, "--override-arch",
                                  platform_.architecture};
  if (!platform_.variant.empty()) all.insert(all.end(), {"--override-variant", platform_.variant});
  if (!scratch.empty()) all.insert(all.end(), {"--tmpdir", scratch});
  all.insert(all.end(), std::make_move_iterator(arguments.begin()),
             std::make_move_iterator(arguments.end()));
  Ended ended = FCVM_TRY(run_program(host_, options_.skopeo, all, call, tick));
  if (ended.status.exit_code == 0) return std::move(ended.output);
  host_.debug(reference.name + ": " + ended.errors);
  return unexpected(explain(ended.errors, how_it_ended(ended.status), reference, options_.plugin));
}

Result<std::string> Skopeo::version(const Call& call) const {
  const Ended ended = FCVM_TRY(run_program(host_, options_.skopeo, {"--version"}, call,
                                           []() -> Result<void> { return {}; }));
  const auto begin = ended.output.find_first_of("0123456789");
  if (ended.status.exit_code != 0 || begin == std::string::npos) {
    return fail(EPROTO, options_.skopeo + " does not say which version of skopeo it is",
                "apt install skopeo");
  }
  return ended.output.substr(begin, ended.output.find_first_of(" \n", begin) - begin);
}

Result<std::string> Skopeo::manifest(const Reference& reference, const Call& call) const {
  std::vector<std::string> arguments = {"inspect", "--raw"};
  if (insecure(reference)) arguments.emplace_back("--tls-verify=false");
  arguments.push_back(reference.for_skopeo());
  return run(reference, std::move(arguments), {}, call, []() -> Result<void> { return {}; });
}

Result<std::string> Skopeo::config(const Reference& reference, const std::string& digest,
                                   const std::string& scratch, const Call& call) const {
  std::vector<std::string> arguments = {"inspect", "--config", "--raw"};
  if (insecure(reference)) arguments.emplace_back("--tls-verify=false");
  arguments.push_back(reference.for_skopeo(digest));
  return run(reference, std::move(arguments), scratch, call, []() -> Result<void> { return {}; });
}

Result<void> Skopeo::copy(const Reference& reference, const std::string& digest,
                          const std::string& file, const std::string& scratch, const Call& call,
                          const Skopeo::Tick& tick) const {
  std::vector<std::string> arguments = {"copy", "--quiet"};
  if (insecure(reference)) arguments.emplace_back("--src-tls-verify=false");
  arguments.push_back(reference.for_skopeo(digest));
  // A name for the guest's `podman images`; an archive cannot carry a digest as a name.
  arguments.push_back("docker-archive:" + file +
                      (reference.tag.empty() ? "" : ":" + reference.name));
  FCVM_TRY(run(reference, std::move(arguments), scratch, call, tick));
  return {};
}

}  // namespace fcvm::archive
