// See served.hpp.
#include "tests/contract/fusepipe/served.hpp"

#include <chrono>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/io/file.hpp"
#include "core/base/io/pipe.hpp"
#include "core/base/io/poll.hpp"
#include "core/base/process/spawn.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/must.hpp"

namespace fcvm::test {

namespace {

constexpr std::chrono::seconds kLimit{60};

std::string read_line(int fd) {
  std::string line;
  char letter = 0;
  while (line.empty() || line.back() != '\n') {
    if (!base::wait_readable(fd, base::Deadline::in(kLimit))) return line;
    if (::read(fd, &letter, 1) != 1) return line;
    line += letter;
  }
  return line;
}

std::vector<std::string> join(std::vector<std::string> words,
                              const std::vector<std::string>& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

}  // namespace

std::string why_no_mount() {
  if (::geteuid() != 0) return "needs root";
  if (::access("/dev/fuse", R_OK | W_OK) != 0) return "needs /dev/fuse";
  return {};
}

Tool::Tool(const std::vector<std::string>& words, rlim_t descriptors, int giver) {
  auto output = must(base::Pipe::create());
  auto errors = must(base::Pipe::create());
  base::SpawnOptions options;
  options.argv = join({FCVM_TEST_FUSEPIPE}, words);
  options.stdout_fd = output.write_end.get();
  options.stderr_fd = errors.write_end.get();
  if (descriptors != RLIM_INFINITY) {
    options.limits.push_back({RLIMIT_NOFILE, {descriptors, descriptors}});
  }
  if (giver >= 0) options.extra_fds.push_back({giver, 3});
  process_.emplace(must(base::spawn(options)));
  output_ = std::move(output.read_end);
  errors_ = std::move(errors.read_end);
  output.write_end.reset();
  errors.write_end.reset();
  const std::string line = read_line(output_.get());
  if (line.empty()) FAIL("fusepipe " << words.at(0) << ": " << end() << ": " << this->errors());
}

std::string Tool::end() {
  const auto status = process_->wait(base::Deadline::in(kLimit));
  return status ? status->describe() : status.error().message();
}

std::string Tool::errors() { return must(base::read_all(errors_.get(), 1 << 20)); }

Served::Served(OnlyServer /*tag*/, std::vector<std::string> serve_options, rlim_t descriptors)
    : directory_(must(base::TempDir::create())),
      serve_options_(std::move(serve_options)),
      descriptors_(descriptors) {
  // Other users come to the files, as in a guest.
  ::chmod(directory_.path().c_str(), 0755);
  must(base::make_directories(host()));
  must(base::make_directories(mounted()));
  start_server();
}

Served::Served(std::vector<std::string> serve_options, std::vector<std::string> mount_options)
    : Served(OnlyServer::kYes, std::move(serve_options)) {
  start_mount(stream(), mount_options);
}

void Served::start_mount(const std::string& from, const std::vector<std::string>& options) {
  mount_.emplace(join({"mount", from, mounted()}, options));
}

void Served::start_server() {
  server_.emplace(join({"serve", host(), "--listen", stream()}, serve_options_), descriptors_);
}

bool Served::is_mounted() const {
  return must(base::read_file("/proc/self/mountinfo")).find(" " + mounted() + " ") !=
         std::string::npos;
}

Served::~Served() {
  if (mount_) (void)mount_->process().stop(kLimit);
  if (server_) (void)server_->process().stop(kLimit);
  // A failed test must not leave it to the directory's removal, which stops at mounts.
  if (is_mounted()) ::umount2(mounted().c_str(), MNT_FORCE | MNT_DETACH);
}

}  // namespace fcvm::test
