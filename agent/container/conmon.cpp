// See conmon.hpp.
#include "agent/container/conmon.hpp"

#include <charconv>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "core/base/io/file.hpp"
#include "core/base/io/socket_pair.hpp"

namespace fcvm::agent {
namespace {

/// podman's own patience.
constexpr std::chrono::seconds kPatience{240};

Result<void> bind_to(int socket, const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return fail(ENAMETOOLONG, "binding " + path);
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  ::unlink(path.c_str());
  if (::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(socket, 1) != 0) {
    return fail_errno("listening at " + path);
  }
  return {};
}

/// {"data": 137}, or -1 and a message.
pid_t made_pid(const std::string& report, std::string& message) {
  const auto json = nlohmann::json::parse(report, nullptr, false);
  if (!json.is_object()) return -1;
  const auto data = json.find("data");
  const auto words = json.find("message");
  if (words != json.end() && words->is_string()) message = words->get<std::string>();
  return data != json.end() && data->is_number_integer() ? data->get<pid_t>() : -1;
}

}  // namespace

Conmon::~Conmon() {
  stop_watching();
  if (run_.running()) run_.let_go();
}

Result<void> Conmon::start(ProcessOptions options) {
  auto launched = launch(std::move(options));
  if (!launched) undo();
  return launched;
}

Result<void> Conmon::launch(ProcessOptions options) {
  FCVM_TRY(base::make_directories("/run/fcvm/container"));
  FCVM_TRY(watch_exits());
  if (!prepared_->console_socket().empty()) FCVM_TRY(listen_for_console());
  rows_ = options.rows;
  columns_ = options.columns;
  // The terminal is the container's alone.
  if (console_) options.detach_streams = true;
  options.tty = false;
  options.stdin_open = options.stdin_open && !console_;
  auto reports = FCVM_TRY(base::SocketPair::create(SOCK_SEQPACKET | SOCK_NONBLOCK));
  options.command = prepared_->command();
  options.environment = prepared_->environment();
  options.environment.push_back("_OCI_SYNCPIPE=" + std::to_string(ProcessOptions::kInheritedAs));
  options.inherited = reports.second.get();
  report_ = std::move(reports.first);
  FCVM_TRY(run_.begin(options, {[] {}, [this](const Error& why) { give_up(why); },
                                [this](ChildEnd end) { on_conmon_end(end); }}));
  timer_ = loop_.after(kPatience, [this] { give_up(Error(ETIMEDOUT, "conmon says nothing")); });
  return loop_.watch(report_.get(), EPOLLIN, [this](Loop::Events) { on_report(); });
}

Result<void> Conmon::listen_for_console() {
  console_ = base::Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!console_) return fail_errno("making a socket for the terminal");
  return bind_to(console_.get(), prepared_->console_socket());
}

Result<void> Conmon::watch_exits() {
  inotify_ = base::Fd(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  const std::string directory = prepared_->exit_directory();
  if (!inotify_ || ::inotify_add_watch(inotify_.get(), directory.c_str(), IN_MOVED_TO) < 0) {
    return fail_errno("watching " + directory);
  }
  return loop_.watch(inotify_.get(), EPOLLIN, [this](Loop::Events) { look_for_exit(); });
}

void Conmon::on_report() {
  char text[4096];
  const ssize_t size = ::recv(report_.get(), text, sizeof text, 0);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  std::string message = "conmon has ended";
  const pid_t pid = size > 0 ? made_pid({text, static_cast<std::size_t>(size)}, message) : -1;
  if (pid <= 0) return give_up(Error(EIO, "making the container: " + message));
  loop_.cancel(timer_);
  loop_.forget(report_.get());
  made_ = pid;
  if (const auto started = on_made(pid); !started) return give_up(started.error());
  callbacks_.on_started(pid, run_.process());
}

Result<void> Conmon::on_made(pid_t pid) {
  if (console_) FCVM_TRY(take_terminal());
  return prepared_->start(pid, run_.process().pid);
}

// It came before the report did.
Result<void> Conmon::take_terminal() {
  const base::Fd connection(
      ::accept4(console_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!connection) return fail_errno("waiting for the container's terminal");
  constexpr std::size_t kMostBytes = 4096;
  auto received = FCVM_TRY(base::receive_fds(connection.get(), kMostBytes, 1));
  if (received.fds.size() != 1) return fail(EPROTO, "crun sent no terminal");
  Process& process = run_.process();
  process.stdout_fd = std::move(received.fds[0]);
  process.stdin_fd = FCVM_TRY(process.stdout_fd.duplicate());
  process.stderr_fd = base::Fd();
  process.tty = true;
  FCVM_TRY(base::set_nonblocking(process.stdout_fd.get()));
  if (rows_ > 0 || columns_ > 0) process.resize(rows_, columns_);
  console_ = base::Fd();
  ::unlink(prepared_->console_socket().c_str());
  return {};
}

void Conmon::give_up(const Error& why) {
  if (is_over_) return;
  undo();
  // They may own the owner.
  const auto failed = callbacks_.on_failed;
  failed(why);
}

// Everything that conmon has started is in its process group, its command for the end included,
// which would find podman without a container.
void Conmon::undo() {
  is_over_ = true;
  stop_watching();
  if (const pid_t pid = run_.process().pid; pid > 0) {
    ::kill(-pid, SIGKILL);
    run_.let_go();
  }
  if (made_ > 0) ::kill(made_, SIGKILL);
  prepared_->take_back();
}

void Conmon::look_for_exit() {
  char ignored[4096];
  while (::read(inotify_.get(), ignored, sizeof ignored) > 0) {
  }
  const auto text = base::read_file(prepared_->exit_directory() + "/" + prepared_->id());
  if (!text) return;
  ChildEnd how;
  std::from_chars(text->data(), text->data() + text->size(), how.code);
  end(how);
}

void Conmon::on_conmon_end(ChildEnd how) {
  if (is_over_) return;
  if (made_ <= 0) return give_up(Error(EIO, "conmon ended with " + std::to_string(how.code)));
  look_for_exit();
  if (!is_over_) end(how);
}

void Conmon::end(ChildEnd how) {
  if (std::exchange(is_over_, true)) return;
  stop_watching();
  const auto ended = callbacks_.on_end;
  ended(how);
}

void Conmon::stop_watching() {
  loop_.cancel(timer_);
  for (base::Fd* fd : {&report_, &inotify_}) {
    if (*fd) loop_.forget(fd->get());
    *fd = base::Fd();
  }
}

}  // namespace fcvm::agent
