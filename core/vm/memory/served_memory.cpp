// See served_memory.hpp.
#include "core/vm/memory/served_memory.hpp"

#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <fmt/core.h>

#include "core/vm/memory/page_server_protocol.hpp"

namespace fcvm::vm {
namespace {

using Verb = PageRequest::Verb;

/// Of a server that has many clones to see to.
constexpr auto kAnswerLimit = std::chrono::seconds(10);
constexpr auto kHealthLimit = std::chrono::seconds(2);

}  // namespace

Result<std::unique_ptr<ServedMemory>> ServedMemory::connect(const Paths& paths, pid_t server,
                                                            std::string clone) {
  Fd connection = FCVM_TRY(connect_page_server(paths, server));
  return std::unique_ptr<ServedMemory>(
      new ServedMemory(std::move(connection), server, std::move(clone)));
}

ServedMemory::~ServedMemory() {
  if (!watcher_.joinable()) return;
  ::eventfd_write(stop_.get(), 1);
  watcher_.join();
}

Result<void> ServedMemory::offer(int clone_directory, base::Deadline deadline) {
  offered_ = FCVM_TRY(ask_page_server<ask::MemoryOffer>(connection_.get(), {Verb::kAttach, clone_},
                                                        clone_directory, deadline));
  return {};
}

/// An answer that does not come leaves the connection out of step, so that is an error.
Result<void> ServedMemory::started(int vmm_pidfd, bool prefetch) {
  vmm_ = Fd(::fcntl(vmm_pidfd, F_DUPFD_CLOEXEC, 0));
  stop_ = Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!vmm_ || !stop_) return fail_errno("watching over the page server");
  watcher_ = std::thread([this] { watch(); });
  FCVM_TRY(ask_page_server<ask::Done>(connection_.get(), {Verb::kStarted}, vmm_pidfd,
                                      base::Deadline::in(kAnswerLimit)));
  if (!prefetch) return {};
  FCVM_TRY(ask_page_server<ask::Done>(connection_.get(), {Verb::kPrefetch}, -1,
                                      base::Deadline::in(kAnswerLimit)));
  return {};
}

/// Looks for the connection's end alone: what comes over it is read by who asked.
void ServedMemory::watch() {
  pollfd watched[] = {{connection_.get(), POLLRDHUP, 0}, {stop_.get(), POLLIN, 0}};
  while (watched[1].revents == 0) {
    if (::poll(watched, 2, -1) < 0) continue;
    if (watched[0].revents == 0) continue;
    is_lost_ = true;
    ::syscall(SYS_pidfd_send_signal, vmm_.get(), SIGKILL, nullptr, 0);
    return;
  }
}

std::optional<std::string> ServedMemory::failure() {
  const auto lost = [&] { return fmt::format("its page server, process {}, has ended", server_); };
  if (is_lost_) return lost();
  const auto healthy = ask_page_server<ask::Done>(connection_.get(), {Verb::kHealth}, -1,
                                                  base::Deadline::in(kHealthLimit));
  if (healthy) return std::nullopt;
  const int code = healthy.error().code();
  return code == ECONNRESET || code == EPIPE ? lost() : healthy.error().message();
}

void ServedMemory::cancel() { ::shutdown(connection_.get(), SHUT_RDWR); }

}  // namespace fcvm::vm
