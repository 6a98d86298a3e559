// See fcvm_command.hpp.
#include "core/api/sandboxes/fcvm_command.hpp"

#include <array>
#include <csignal>
#include <fcntl.h>
#include <iterator>
#include <poll.h>
#include <sstream>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "core/base/io/fd.hpp"
#include "core/base/io/pipe.hpp"
#include "core/base/process/spawn.hpp"

namespace fcvm::api {
namespace {

constexpr std::size_t kMostKept = 64 << 10;

/// Keeps the end of what comes; false when no more does.
bool take(const Fd& from, std::string& into) {
  std::array<char, 16 << 10> bytes;
  for (;;) {
    const ssize_t got = ::read(from.get(), bytes.data(), bytes.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno == EAGAIN;
    if (got == 0) return false;
    into.append(bytes.data(), static_cast<std::size_t>(got));
    if (into.size() > 2 * kMostKept) into.erase(0, into.size() - kMostKept);
  }
}

/// Until the child has ended: a supervisor that it leaves behind may hold the pipes longer.
Result<void> collect(const base::Child& child, Fd& out, std::string& printed, Fd& err,
                     std::string& said, base::Deadline deadline) {
  for (;;) {
    pollfd waits[] = {{child.pidfd(), POLLIN, 0}, {out.get(), POLLIN, 0}, {err.get(), POLLIN, 0}};
    const int ready = ::poll(waits, std::size(waits), deadline.as_poll_ms());
    if (ready < 0 && errno != EINTR) return fail_errno("waiting for fcvm");
    if (ready == 0) return fail(ETIMEDOUT, "it takes too long");
    if (out.valid() && !take(out, printed)) out.reset();
    if (err.valid() && !take(err, said)) err.reset();
    if ((waits[0].revents & POLLIN) != 0) return {};
  }
}

/// What is missing or wrong on this host is no mistake of the client's.
int code_for_client(int code) {
  return code == ENOSPC || code == EBUSY || code == ETIMEDOUT || code == ENOTSUP ? code : EIO;
}

}  // namespace

Result<std::string> FcvmCommand::run(const std::vector<std::string>& words, base::Deadline deadline,
                                     WithServer end) const {
  auto out = FCVM_TRY(base::Pipe::create(O_NONBLOCK));
  auto err = FCVM_TRY(base::Pipe::create(O_NONBLOCK));
  base::SpawnOptions options;
  options.program = program_;
  options.argv = {"fcvm", "--log-format", "json"};
  options.argv.insert(options.argv.end(), global_.begin(), global_.end());
  options.argv.insert(options.argv.end(), words.begin(), words.end());
  options.stdin_fd = base::kDevNull;
  options.stdout_fd = out.write_end.get();
  options.stderr_fd = err.write_end.get();
  options.parent_death_signal = end == WithServer::kEnds ? SIGTERM : 0;
  options.new_session = true;  // a terminal's Ctrl-C is this server's business
  const auto doing = "fcvm " + words.front();
  auto child = FCVM_TRY(base::spawn(options) | context(doing));
  out.write_end.reset();
  err.write_end.reset();
  std::string printed;
  std::string said;
  FCVM_TRY(collect(child, out.read_end, printed, err.read_end, said, deadline) | context(doing));
  const auto status = FCVM_TRY(child.wait());
  if (!status.success()) {
    auto error = error_in(said);
    if (error.message().empty()) error = Error(EIO, "it " + status.describe());
    return unexpected(std::move(error).context(doing));
  }
  while (printed.ends_with('\n')) printed.pop_back();
  return printed;
}

Error error_in(const std::string& said) {
  std::istringstream lines(said);
  std::string line;
  std::string last;
  Error error(EIO, "");
  while (std::getline(lines, line)) {
    last = line;
    const auto record = nlohmann::json::parse(line, nullptr, false);
    if (!record.is_object() || record.value("level", "") != "error") continue;
    error = Error(code_for_client(record.value("code", EIO)), record.value("message", ""),
                  record.value("remedy", ""));
  }
  return error.message().empty() ? Error(EIO, last) : error;
}

}  // namespace fcvm::api
