// fusepipe serve: a directory of this host, for whoever dials.
//
// Two processes: the one that was started owns the socket's path and removes it, the other serves,
// confined, and dies with the first.
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <optional>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fusepipe/server/confinement.hpp"
#include "fusepipe/server/server.hpp"
#include "fusepipe/stream/address.hpp"
#include "fusepipe/tool/command.hpp"

namespace fcvm::fusepipe {

namespace {

struct ServeArguments {
  ServeOptions options;
  std::optional<Address> listen;
};

Result<Cache> parse_cache(const std::string& text) {
  if (text == "auto") return Cache::kAuto;
  if (text == "always") return Cache::kAlways;
  if (text == "none") return Cache::kNone;
  return fail(EINVAL, "\"" + text + "\" is no cache mode: they are auto, always and none");
}

Result<void> take_serve_option(Options& words, ServeArguments& arguments) {
  const std::string& name = words.name();
  if (name == "--ro") {
    arguments.options.read_only = true;
  } else if (name == "--listen") {
    const std::string text = FCVM_TRY(words.value());
    arguments.listen = FCVM_TRY(Address::parse(text));
  } else if (name == "--cache") {
    const std::string text = FCVM_TRY(words.value());
    arguments.options.cache = FCVM_TRY(parse_cache(text));
  } else if (name == "--uidmap") {
    const std::string range = FCVM_TRY(words.value());
    FCVM_TRY(arguments.options.users.add(range));
  } else if (name == "--gidmap") {
    const std::string range = FCVM_TRY(words.value());
    FCVM_TRY(arguments.options.groups.add(range));
  } else if (!name.empty()) {
    return fail(EINVAL, "there is no option " + name);
  } else if (arguments.options.directory.empty()) {
    arguments.options.directory = words.word();
  } else {
    return fail(EINVAL, "\"" + words.word() + "\" is one word too many");
  }
  return {};
}

Result<ServeArguments> parse_serve(const Words& words) {
  ServeArguments arguments;
  for (Options options(words); options.next();) FCVM_TRY(take_serve_option(options, arguments));
  if (arguments.options.directory.empty()) return fail(EINVAL, "no directory was given");
  if (!arguments.listen) return fail(EINVAL, "--listen was not given");
  // An ordinary user's files belong to that user alone, who is root in a guest.
  if (::geteuid() != 0 && arguments.options.users.is_identity()) {
    arguments.options.users.add(0, ::geteuid(), 1);
  }
  if (::geteuid() != 0 && arguments.options.groups.is_identity()) {
    arguments.options.groups.add(0, ::getegid(), 1);
  }
  return arguments;
}

/// The path of a socket that this process made, gone with it.
class SocketPath {
 public:
  explicit SocketPath(std::string path) : path_(std::move(path)) {}
  SocketPath(const SocketPath&) = delete;
  SocketPath& operator=(const SocketPath&) = delete;
  ~SocketPath() {
    if (!path_.empty()) ::unlink(path_.c_str());
  }

 private:
  std::string path_;
};

struct Listener {
  base::Fd socket;                // that accepts streams
  base::Fd giver;                 // or over which they come
  std::vector<base::Fd> streams;  // that somebody else has dialed
};

Result<Listener> listen(const Address& address) {
  Listener listener;
  if (address.kind() == Address::Kind::kGiven) {
    listener.giver = base::Fd(address.giver());
    return listener;
  }
  if (address.kind() != Address::Kind::kFds) {
    listener.socket = FCVM_TRY(address.listen());
    return listener;
  }
  for (const int fd : address.fds()) {
    struct stat status {};
    if (::fstat(fd, &status) != 0 || !S_ISSOCK(status.st_mode)) {
      return fail(ENOTSOCK, "descriptor " + std::to_string(fd) + " is not a socket");
    }
    listener.streams.emplace_back(fd);
  }
  if (listener.streams.size() == 1 && is_listening(listener.streams[0].get())) {
    listener.socket = std::move(listener.streams[0]);
    listener.streams.clear();
  }
  return listener;
}

Result<void> serve_confined(ServeOptions options, Listener listener, int stop) {
  // Whoever makes a file says its mode, and the peer has the umask.
  ::umask(0);
  Directory directory = FCVM_TRY(Directory::open(std::move(options)));
  FCVM_TRY(confine(directory));
  const auto server = FCVM_TRY(Server::create(std::move(directory)));
  if (listener.socket) return server->accept_from(listener.socket, stop);
  if (listener.giver) return server->take_from(listener.giver, stop);
  return server->serve(std::move(listener.streams), stop);
}

void report(const Error& error) { std::fprintf(stderr, "fusepipe: %s\n", error.message().c_str()); }

/// The pid of the serving process.
Result<pid_t> start_serving(const ServeArguments& arguments, Listener listener, int signals) {
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) return fail_errno("starting the process that serves");
  if (child > 0) return child;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(0);
  const auto served = serve_confined(arguments.options, std::move(listener), signals);
  if (!served) report(served.error());
  ::_exit(served ? 0 : 1);
}

/// Passes an ending signal on, and waits for the end.
Result<void> wait_for(pid_t child, int signals) {
  const base::Fd ended(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
  pollfd waits[] = {{ended.get(), POLLIN, 0}, {signals, POLLIN, 0}};
  while (::poll(waits, 2, -1) < 0 && errno == EINTR) {
  }
  if (waits[1].revents != 0) ::kill(child, SIGTERM);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  if (WIFEXITED(status)) return fail(ECHILD, "the process that serves has failed");
  return fail(ECHILD,
              "the process that serves was killed by signal " + std::to_string(WTERMSIG(status)));
}

}  // namespace

Result<void> serve(const Words& words) {
  const ServeArguments arguments = FCVM_TRY(parse_serve(words) | remedy(std::string(kServeUsage)));
  // Before there is a socket: a directory that cannot be served is the user's first question.
  FCVM_TRY(Directory::open(arguments.options));
  const base::Fd signals = FCVM_TRY(ending_signals());
  Listener listener = FCVM_TRY(listen(*arguments.listen));
  const SocketPath path(listener.socket ? arguments.listen->path() : std::string());
  const pid_t child = FCVM_TRY(start_serving(arguments, std::move(listener), signals.get()));
  std::printf("serving %s at %s\n", arguments.options.directory.c_str(),
              arguments.listen->text().c_str());
  std::fflush(stdout);
  return wait_for(child, signals.get());
}

}  // namespace fcvm::fusepipe
