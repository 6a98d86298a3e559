// See page_server.hpp.
#include "core/vm/memory/page_server.hpp"

#include <csignal>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <fmt/core.h>

#include "core/base/io/fd.hpp"
#include "core/base/io/file.hpp"
#include "core/base/io/poll.hpp"
#include "core/base/io/unix_socket.hpp"
#include "core/log/log.hpp"
#include "core/vm/memory/clone_memory.hpp"
#include "core/vm/memory/page_server_protocol.hpp"

namespace fcvm::vm {
namespace {

namespace fs = std::filesystem;
using Verb = PageRequest::Verb;

/// More than a plugin serves by default: who asks for more is to hear it from the plugin.
constexpr std::size_t kMostPeers = 2048;
constexpr std::chrono::milliseconds kAcceptPause{100};
constexpr std::chrono::seconds kFirstLineLimit{10};
constexpr std::chrono::seconds kAttachLimit{10};
constexpr std::chrono::seconds kKillLimit{5};

/// A socket on which nobody listens any more.
bool is_dead(const fs::path& socket) {
  const auto connected = base::connect_unix(socket.string());
  return !connected && connected.error().code() == ECONNREFUSED;
}

}  // namespace

std::vector<std::string> PageServer::collect(const Paths& paths, bool dry_run) {
  std::vector<std::string> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(paths.runtime, error)) {
    const auto name = entry.path().filename().string();
    if (!name.starts_with(Paths::kPageServerPrefix) || !is_dead(entry.path())) continue;
    found.push_back(entry.path().string());
    if (!dry_run) fs::remove(entry.path(), error);
  }
  return found;
}

Result<std::unique_ptr<PageServer>> PageServer::listen(const Paths& paths, SnapshotMemory& memory,
                                                       std::string snapshot) {
  FCVM_TRY(base::make_directories(paths.runtime.string(), 0700));
  const auto path = paths.page_server(::getpid());
  if (is_dead(path)) fs::remove(path);
  Fd listener = FCVM_TRY(base::listen_unix(path.string()) | context("serving a snapshot's memory"));
  return std::unique_ptr<PageServer>(
      new PageServer(path, std::move(listener), memory, std::move(snapshot)));
}

PageServer::~PageServer() {
  listener_ = Fd();
  std::error_code error;
  fs::remove(path_, error);
  for (const auto& peer : peers_) ::shutdown(peer->connection.get(), SHUT_RDWR);
  for (const auto& peer : peers_) peer->thread.join();
}

Result<void> PageServer::run(int stop) {
  FCVM_TRY(base::set_nonblocking(listener_.get()));
  for (;;) {
    pollfd waited[] = {{listener_.get(), POLLIN, 0}, {stop, POLLIN, 0}};
    if (::poll(waited, 2, -1) < 0 && errno != EINTR) return fail_errno("waiting for clones");
    if (waited[1].revents != 0) return {};
    forget_left();
    if (waited[0].revents != 0) take_peer();
  }
}

void PageServer::take_peer() {
  auto connection = base::accept_connection(listener_.get());
  if (!connection) {
    // Without descriptors the next attempt fails as well, and at once.
    if (connection.error().code() != EAGAIN) std::this_thread::sleep_for(kAcceptPause);
    return;
  }
  if (peers_.size() >= kMostPeers || !is_permitted_peer(connection->get())) return;
  Peer& peer = *peers_.emplace_back(std::make_unique<Peer>());
  peer.connection = *std::move(connection);
  peer.thread = std::thread([this, &peer] { serve(peer); });
}

void PageServer::forget_left() {
  peers_.remove_if([](const std::unique_ptr<Peer>& peer) {
    if (!peer->has_left) return false;
    peer->thread.join();
    return true;
  });
}

void PageServer::serve(Peer& peer) {
  while (answer_next(peer)) {
  }
  if (!peer.clone.empty()) end(peer);
  // Whoever waits for this end learns of it now, and not when the next one comes.
  ::shutdown(peer.connection.get(), SHUT_RDWR);
  peer.has_left = true;
}

/// False when the connection has ended, or what came is no request.
bool PageServer::answer_next(Peer& peer) {
  const auto patience =
      peer.clone.empty() ? base::Deadline::in(kFirstLineLimit) : base::Deadline::never();
  const auto until = base::Deadline::earlier(patience, peer.record_at);
  if (const auto readable = base::wait_readable(peer.connection.get(), until); !readable) {
    if (readable.error().code() != ETIMEDOUT || !peer.record_at.expired()) return false;
    peer.record_at = base::Deadline::never();
    memory_.record(peer.clone);
    return true;
  }
  auto line = receive_control_line(peer.connection.get(), base::Deadline::in(kFirstLineLimit));
  if (!line) return false;
  const auto answered = answer(peer, line->text, std::move(line->fds));
  return send_control_line(peer.connection.get(), answered, -1).has_value();
}

std::string PageServer::answer(Peer& peer, std::string_view line, std::vector<Fd> fds) {
  const auto request = parse_page_request(line);
  if (!request) return ask::encode_answer<ask::Done>(unexpected(request.error()));
  const auto done = [](Result<void> result) -> Result<ask::Done> {
    if (!result) return unexpected(result.error());
    return ask::Done{};
  };
  switch (request->verb) {
    case Verb::kHello:
      return ask::encode_answer<ask::ServedSnapshot>(ask::ServedSnapshot{snapshot_});
    case Verb::kAttach:
      return ask::encode_answer(attach(peer, request->clone, fds));
    case Verb::kStarted:
      return ask::encode_answer(started(peer, std::move(fds)));
    case Verb::kPrefetch:
      prefetch(peer);
      return ask::encode_answer<ask::Done>(ask::Done{});
    case Verb::kHealth:
      return ask::encode_answer(done(memory_.health(peer.clone)));
  }
  return {};
}

Result<ask::MemoryOffer> PageServer::attach(Peer& peer, const std::string& clone,
                                            const std::vector<Fd>& fds) {
  if (!peer.clone.empty() || fds.size() != 1) {
    return fail(EPROTO, "a connection is for one clone, and comes with its directory");
  }
  auto offered =
      FCVM_TRY(memory_.attach(clone, fds.front().get(), base::Deadline::in(kAttachLimit)));
  peer.clone = clone;
  return offered;
}

Result<ask::Done> PageServer::started(Peer& peer, std::vector<Fd> fds) {
  if (peer.clone.empty() || peer.vmm || fds.size() != 1) {
    return fail(EPROTO, "a clone starts once, after it was attached, and comes with its VMM");
  }
  peer.vmm = std::move(fds.front());
  FCVM_TRY(memory_.started(peer.clone, peer.vmm.get()));
  if (memory_.wants_record()) peer.record_at = base::Deadline::in(kFirstUse);
  return ask::Done{};
}

/// Without it the clone is slower, and right.
void PageServer::prefetch(const Peer& peer) {
  const auto done = memory_.prefetch(peer.clone, base::Deadline::in(kPrefetchLimit));
  if (!done) log::debug("vm", "{}", done.error().message());
}

/// A VMM that goes on without its supervisor, or its server, would stand still at the next page.
void PageServer::end(Peer& peer) {
  if (peer.vmm) {
    ::syscall(SYS_pidfd_send_signal, peer.vmm.get(), SIGKILL, nullptr, 0);
    const auto ended = base::wait_readable(peer.vmm.get(), base::Deadline::in(kKillLimit));
    if (!ended) log::warning("vm", "the VMM of clone {} does not end", peer.clone);
  }
  const auto detached = memory_.detach(peer.clone);
  if (!detached) log::warning("vm", "{}", detached.error().message());
}

}  // namespace fcvm::vm
