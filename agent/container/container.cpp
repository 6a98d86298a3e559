// See container.hpp.
#include "agent/container/container.hpp"

#include <charconv>
#include <csignal>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <unistd.h>
#include <utility>

#include "core/base/io/file.hpp"
#include "core/base/process/process_id.hpp"

namespace fcvm::agent {

namespace {

bool is_runtime(const std::string& program) {
  const std::string name = program.substr(program.rfind('/') + 1);
  return name == "crun" || name == "runc" || name == "conmon";
}

constexpr std::chrono::milliseconds kLook{2};
constexpr int kMostWordless = 500;

bool is_alive(pid_t pid) {
  const auto process = base::identify(pid);
  return process && process->alive();
}

/// By podman's code: it could not make the container, or its runtime the command.
bool never_began(const ChildEnd& how) {
  return how.signal == 0 && how.code >= 125 && how.code <= 127;
}

}  // namespace

Container::~Container() { forget(); }

Result<void> Container::start(const ProcessOptions& options, const std::string& pid_file) {
  conmon_.reset();
  pid_file_ = pid_file;
  if (!pid_file_.empty()) FCVM_TRY(watch_pid_file());
  FCVM_TRY(run_.begin(options, {[this] { runner_started(); },
                                [this](const Error& why) {
                                  forget();
                                  ended_ = true;
                                  callbacks_.on_failed(why);
                                },
                                [this](ChildEnd how) { end(how); }}));
  callbacks_.on_streams(run_.process());
  return {};
}

Result<void> Container::start(std::unique_ptr<PreparedStart> prepared,
                              const ProcessOptions& options,
                              std::function<void(const Error&)> on_refused) {
  const auto started = [this](pid_t pid, Process& process) {
    callbacks_.on_streams(process);
    pid_ = pid;
    await_program();
  };
  conmon_ = std::make_unique<Conmon>(
      loop_, std::move(prepared),
      Conmon::Callbacks{started, std::move(on_refused), [this](ChildEnd how) { end(how); }});
  return conmon_->start(options);
}

void Container::runner_started() {
  if (!pid_file_.empty()) return;
  pid_ = run_.process().pid;
  tell_started();
}

void Container::tell_started() {
  if (!std::exchange(is_told_, true)) callbacks_.on_started(pid_);
}

Result<void> Container::watch_pid_file() {
  const std::string directory = pid_file_.substr(0, pid_file_.rfind('/'));
  FCVM_TRY(base::make_directories(directory));
  ::unlink(pid_file_.c_str());
  inotify_ = base::Fd(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!inotify_ ||
      ::inotify_add_watch(inotify_.get(), directory.c_str(), IN_CLOSE_WRITE | IN_MOVED_TO) < 0) {
    return fail_errno("watching " + directory);
  }
  return loop_.watch(inotify_.get(), EPOLLIN, [this](Loop::Events) { look_for_pid(); });
}

void Container::look_for_pid() {
  char ignored[4096];
  while (::read(inotify_.get(), ignored, sizeof ignored) > 0) {
  }
  const auto text = base::read_file(pid_file_);
  if (!text) return;
  pid_t pid = -1;
  std::from_chars(text->data(), text->data() + text->size(), pid);
  if (pid <= 0) return;
  pid_ = pid;
  forget_pid_file();
  await_program();
}

// The pid is known while it is still the runtime that waits inside for its start: with another
// environment, and not yet what anybody wants to signal or join. In the middle of its execve() it
// has no words at all; and one that is gone may have been a runtime that could not start its
// command, of which its end will tell.
void Container::await_program() {
  const auto command = base::read_file("/proc/" + std::to_string(pid_) + "/cmdline");
  const std::string first = command ? command->substr(0, command->find('\0')) : "";
  if (first.empty() && !is_alive(pid_)) return;
  // A program may have taken its own words away.
  const bool waits = first.empty() ? ++wordless_ < kMostWordless : is_runtime(first);
  if (!waits) return tell_started();
  program_timer_ = loop_.after(kLook, [this] { await_program(); });
}

void Container::forget_pid_file() {
  if (inotify_) loop_.forget(inotify_.get());
  inotify_ = base::Fd();
}

void Container::end(ChildEnd how) {
  // A container of a few milliseconds may have ended before its pid was noticed.
  if (inotify_) look_for_pid();
  // One that conmon made was let go, whatever its code.
  if (pid_ > 0 && (conmon_ || !never_began(how))) tell_started();
  forget();
  ended_ = true;
  callbacks_.on_end(how);
}

void Container::forget() {
  forget_pid_file();
  loop_.cancel(kill_timer_);
  loop_.cancel(program_timer_);
  pid_ = -1;
}

Result<void> Container::signal(int number) {
  if (pid_ <= 0) return fail(ESRCH, "signalling the container: it does not run");
  if (::kill(pid_, number) != 0) return fail_errno("signalling the container");
  return {};
}

Result<void> Container::stop(int number, std::chrono::milliseconds grace) {
  FCVM_TRY(signal(number));
  loop_.cancel(kill_timer_);
  kill_timer_ = loop_.after(grace, [this] { static_cast<void>(signal(SIGKILL)); });
  return {};
}

}  // namespace fcvm::agent
