// See qmp.hpp.
#include "plugins/vmm/qemu/qmp.hpp"

#include <cstring>
#include <sys/socket.h>

#include <fcvm/sdk/sized.hpp>

#include "plugins/vmm/qemu/qmp_line.hpp"

namespace fcvm::qemu {

namespace {

/// QEMU's longest answer to what is asked here has less than a page.
constexpr std::size_t kLongestLine = 256 * 1024;
/// A long row of brackets would be a deep tree: an honest answer has a few levels.
constexpr std::size_t kDeepest = 64;

constexpr const char* kStateSocket = "fcvm-state";
constexpr const char* kBalloonPath = "/machine/peripheral/balloon";

/// QEMU's figure for what a guest does not report.
constexpr std::uint64_t kUnknown = UINT64_MAX;

bool too_deep(std::string_view line) {
  std::size_t depth = 0;
  for (const char byte : line) {
    if (byte == '[' || byte == '{') ++depth;
    if ((byte == ']' || byte == '}') && depth > 0) --depth;
    if (depth > kDeepest) return true;
  }
  return false;
}

std::string quoted(const char* text) { return std::string("\"") + text + '"'; }

}  // namespace

Qmp::Qmp(Fd socket)
    : socket_(std::move(socket)),
      changed_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      state_changed_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

bool Qmp::on_readable() {
  char buffer[16 * 1024];
  const ssize_t count = ::recv(socket_.get(), buffer, sizeof buffer, MSG_DONTWAIT);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return true;
  if (count > 0) incoming_.append(buffer, static_cast<std::size_t>(count));
  std::size_t begin = 0;
  for (auto end = incoming_.find('\n'); end != std::string::npos;
       end = incoming_.find('\n', begin)) {
    take_line(incoming_.substr(begin, end - begin));
    begin = end + 1;
  }
  incoming_.erase(0, begin);
  const bool open = count > 0 && incoming_.size() <= kLongestLine;
  if (!open) close();
  return open;
}

void Qmp::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  ::eventfd_write(changed_.get(), 1);
  ::eventfd_write(state_changed_.get(), 1);
}

void Qmp::take_line(const std::string& text) {
  if (too_deep(text)) return;
  QmpLine line = parse_qmp_line(text);
  const std::lock_guard lock(mutex_);
  switch (line.kind) {
    case QmpLine::kNothing:
      return;
    case QmpLine::kGreeting:
      version_ = line.version;
      greeted_ = true;
      break;
    case QmpLine::kShutdown:
      shutdown_reason_ = std::move(line.text);
      return;
    case QmpLine::kPanic:
      shutdown_reason_ = "guest-panic";
      return;
    case QmpLine::kMigration:
      state_failed_ = line.text == "failed" || line.text == "cancelled";
      state_over_ = state_failed_ || line.text == "completed";
      ::eventfd_write(state_changed_.get(), 1);
      return;
    case QmpLine::kAnswer:
      // An answer to a question whose asker gave up has an older id.
      if (line.id != last_id_) return;
      answer_ = std::move(line.answer);
      answer_error_ = std::move(line.error);
      answered_ = true;
      break;
  }
  ::eventfd_write(changed_.get(), 1);
}

Result<void> Qmp::wait_for(const bool& what, const Fd& changed, const Call& call,
                           const std::string& doing) {
  for (;;) {
    eventfd_t ignored = 0;
    ::eventfd_read(changed.get(), &ignored);
    {
      const std::lock_guard lock(mutex_);
      if (what) return {};
      if (closed_) return fail(EPIPE, doing + ": QEMU ended");
    }
    auto waited = call.wait(changed.get(), POLLIN);
    if (!waited && waited.error().code() == ETIMEDOUT) {
      return fail(
          ETIMEDOUT, doing + ": QEMU did not answer in time",
          "look for a host out of memory or stalled storage; QEMU's monitor does not answer");
    }
    FCVM_TRY(std::move(waited) | context(doing));
  }
}

Result<void> Qmp::write_line(const std::string& line, int passed, const Call& call) {
  std::size_t sent = 0;
  while (sent < line.size()) {
    iovec bytes{const_cast<char*>(line.data()) + sent, line.size() - sent};
    msghdr message{};
    message.msg_iov = &bytes;
    message.msg_iovlen = 1;
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof passed)] = {};
    if (passed >= 0 && sent == 0) {
      message.msg_control = control;
      message.msg_controllen = sizeof control;
      cmsghdr* header = CMSG_FIRSTHDR(&message);
      header->cmsg_level = SOL_SOCKET;
      header->cmsg_type = SCM_RIGHTS;
      header->cmsg_len = CMSG_LEN(sizeof passed);
      std::memcpy(CMSG_DATA(header), &passed, sizeof passed);
    }
    const ssize_t count = ::sendmsg(socket_.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count > 0) sent += static_cast<std::size_t>(count);
    if (count < 0 && errno != EAGAIN && errno != EINTR) {
      return fail_errno("writing to QEMU's monitor");
    }
    if (count < 0) FCVM_TRY(call.wait(socket_.get(), POLLOUT));
  }
  return {};
}

Result<std::string> Qmp::ask(const std::string& command, const std::string& arguments,
                             const Call& call, int passed) {
  const std::lock_guard one_at_a_time(command_mutex_);
  std::string line = R"({"execute":")" + command + '"';
  {
    const std::lock_guard lock(mutex_);
    answered_ = false;
    answer_error_.clear();
    line += R"(,"id":)" + std::to_string(++last_id_);
  }
  if (!arguments.empty()) line += R"(,"arguments":)" + arguments;
  const std::string doing = "asking QEMU to " + command;
  FCVM_TRY(write_line(line + "}\n", passed, call) | context(doing));
  FCVM_TRY(wait_for(answered_, changed_, call, doing));
  const std::lock_guard lock(mutex_);
  if (!answer_error_.empty()) return fail(EPROTO, doing + ": " + answer_error_);
  return std::move(answer_);
}

Result<void> Qmp::run(const std::string& command, const std::string& arguments, const Call& call,
                      int passed) {
  auto answer = ask(command, arguments, call, passed);
  if (!answer) return unexpected(std::move(answer).error());
  return {};
}

Result<Version> Qmp::negotiate(const Call& call) {
  FCVM_TRY(wait_for(greeted_, changed_, call, "waiting for QEMU's monitor"));
  FCVM_TRY(run("qmp_capabilities", {}, call));
  const std::lock_guard lock(mutex_);
  return version_;
}

Result<void> Qmp::stop(const Call& call) { return run("stop", {}, call); }

Result<void> Qmp::cont(const Call& call) { return run("cont", {}, call); }

Result<void> Qmp::balloon(std::uint64_t bytes, const Call& call) {
  return run("balloon", R"({"value":)" + std::to_string(bytes) + "}", call);
}

Result<void> Qmp::watch_balloon(std::chrono::seconds interval, const Call& call) {
  return run("qom-set",
             R"({"path":)" + quoted(kBalloonPath) +
                 R"(,"property":"guest-stats-polling-interval","value":)" +
                 std::to_string(interval.count()) + "}",
             call);
}

Result<fcvm_vm_balloon> Qmp::query_balloon(std::uint64_t memory_bytes, const Call& call) {
  auto figures = sized<fcvm_vm_balloon>();
  const std::string now = FCVM_TRY(ask("query-balloon", {}, call));
  const std::uint64_t left = std::min(number_in(now, {"actual"}), memory_bytes);
  figures.actual_bytes = left == 0 ? 0 : memory_bytes - left;
  const std::string said = FCVM_TRY(
      ask("qom-get", R"({"path":)" + quoted(kBalloonPath) + R"(,"property":"guest-stats"})", call));
  if (number_in(said, {"last-update"}) == 0) return figures;
  const auto figure = [&](const char* name) {
    const std::uint64_t value = number_in(said, {"stats", name});
    return value == kUnknown ? 0 : value;
  };
  figures.flags = FCVM_BALLOON_GUEST_REPORTS;
  figures.total_bytes = figure("stat-total-memory");
  figures.free_bytes = figure("stat-free-memory");
  figures.available_bytes = figure("stat-available-memory");
  figures.cache_bytes = figure("stat-disk-caches");
  figures.swapped_in_bytes = figure("stat-swap-in");
  figures.swapped_out_bytes = figure("stat-swap-out");
  figures.major_faults = figure("stat-major-faults");
  figures.minor_faults = figure("stat-minor-faults");
  return figures;
}

/// Shared RAM stays out of the stream, the end comes as an event, and nothing slows it down.
Result<void> Qmp::pass_state_socket(const Fd& socket, const Call& call) {
  FCVM_TRY(run("migrate-set-capabilities",
               R"({"capabilities":[{"capability":"x-ignore-shared","state":true},)"
               R"({"capability":"events","state":true}]})",
               call));
  FCVM_TRY(run("migrate-set-parameters", R"({"max-bandwidth":1099511627776})", call));
  FCVM_TRY(run("getfd", R"({"fdname":)" + quoted(kStateSocket) + "}", call, socket.get()));
  const std::lock_guard lock(mutex_);
  state_over_ = state_failed_ = false;
  return {};
}

Result<void> Qmp::save_state(const Fd& socket, const Call& call) {
  FCVM_TRY(pass_state_socket(socket, call));
  return run("migrate", R"({"uri":"fd:)" + std::string(kStateSocket) + "\"}", call);
}

Result<void> Qmp::load_state(const Fd& socket, const Call& call) {
  FCVM_TRY(pass_state_socket(socket, call));
  return run("migrate-incoming", R"({"uri":"fd:)" + std::string(kStateSocket) + "\"}", call);
}

Result<void> Qmp::await_state(const Call& call) {
  FCVM_TRY(wait_for(state_over_, state_changed_, call, "waiting for QEMU's device state"));
  {
    const std::lock_guard lock(mutex_);
    if (!state_failed_) return {};
  }
  const std::string why = FCVM_TRY(ask("query-migrate", {}, call));
  const std::string said = text_in(why, "error-desc");
  return fail(EIO, "QEMU could not move its device state: " +
                       (said.empty() ? "it does not say why" : said));
}

std::string Qmp::shutdown_reason() const {
  const std::lock_guard lock(mutex_);
  return shutdown_reason_;
}

}  // namespace fcvm::qemu
