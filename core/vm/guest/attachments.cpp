// See attachments.hpp.
#include "core/vm/guest/attachments.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>

#include "core/base/io/poll.hpp"
#include "core/log/log.hpp"

namespace fcvm::vm {
namespace {

constexpr std::size_t kLargestFrame = wire::kMaxExecData + 64;
/// How long a client that does not read may hold up the end.
constexpr std::chrono::seconds kFarewell{2};

}  // namespace

Result<void> Attachments::add(Fd socket, bool own) {
  const std::lock_guard lock(mutex_);
  if (count_ == kMostClients) {
    return fail(EBUSY, std::to_string(kMostClients) + " clients are attached already",
                "fcvm logs -f shows the output, too");
  }
  ++count_;
  arrived_.push_back({FrameLink(std::move(socket), wire::FrameBuffer(kLargestFrame)), own});
  return {};
}

void Attachments::begin(bool tty, bool interactive) {
  const std::lock_guard lock(mutex_);
  terms_now_ = Attached{tty, interactive, interactive ? kCredit : 0};
}

void Attachments::take_in() {
  {
    const std::lock_guard lock(mutex_);
    clients_.splice(clients_.end(), arrived_);
    terms_ = terms_now_;
  }
  if (!terms_) return;
  for (Client& client : clients_) {
    if (!client.let_in) let_in(client);
  }
}

void Attachments::let_in(Client& client) const {
  client.let_in = true;
  client.link.send(*terms_);
  // What fails here fails again when the client is polled.
  if (auto sent = client.link.flush(); !sent) log::debug("vm", "{}", sent.error().message());
}

void Attachments::watch(base::Loop& loop) {
  take_in();
  for (Client& client : clients_) {
    if (!client.interest) client.interest = std::make_unique<base::Interest>(loop);
    const auto events = base::Loop::events(!client.link.congested(), client.link.queued() > 0);
    if (auto watched = client.interest->want(client.link.fd(), events); !watched) {
      log::warning("vm", "an attached client is lost: {}", watched.error().message());
      client.is_lost = true;
    }
  }
}

void Attachments::stop_watching() {
  for (Client& client : clients_) client.interest.reset();
}

void Attachments::handle(StdinFeed& feed, const Callbacks& callbacks) {
  for (auto client = clients_.begin(); client != clients_.end();) {
    const auto stays = serve(*client, feed, callbacks);
    if (stays && *stays) {
      ++client;
      continue;
    }
    if (!stays) log::debug("vm", "an attached client: {}", stays.error().message());
    if (client->own) callbacks.on_hang_up();
    client = clients_.erase(client);
    const std::lock_guard lock(mutex_);
    --count_;
  }
}

/// False when the client has gone.
Result<bool> Attachments::serve(Client& client, StdinFeed& feed, const Callbacks& callbacks) {
  if (client.is_lost) return false;
  const auto events = client.interest ? client.interest->take() : 0;
  bool open = true;
  // Read first: who says farewell and leaves at once is past being written to.
  if (base::Loop::has_come(events)) open = FCVM_TRY(client.link.read());
  while (const auto frame = FCVM_TRY(client.link.next())) {
    if (!FCVM_TRY(take(client, *frame, feed, callbacks))) return false;
  }
  FCVM_TRY(client.link.flush());
  return open;
}

Result<bool> Attachments::take(Client& client, const wire::Frame& frame, StdinFeed& feed,
                               const Callbacks& callbacks) const {
  switch (frame.type) {
    case wire::ExecSignal::kType: {
      const int number = FCVM_TRY(wire::decode<wire::ExecSignal>(frame)).signal;
      if (number < 1 || number >= NSIG) return fail(EINVAL, "there is no such signal");
      callbacks.on_signal(client.own, number);
      return true;
    }
    case wire::kExecStdin:
      FCVM_TRY(take_stdin(client, frame.payload, feed));
      return true;
    case wire::ExecStdinEnd::kType:
      // Who looks in on a terminal and leaves does not end the shell in it.
      if (terms_ && terms_->interactive && (client.own || !terms_->tty)) feed.end();
      return true;
    case wire::Resize::kType:
      callbacks.on_resize(FCVM_TRY(wire::decode<wire::Resize>(frame)));
      return true;
    case wire::ExecDetach::kType:
      if (std::exchange(client.own, false)) callbacks.on_detach();
      return false;
    default:
      return fail(EPROTO, "the unexpected message " + std::to_string(frame.type));
  }
}

Result<void> Attachments::take_stdin(Client& client, std::string_view bytes,
                                     StdinFeed& feed) const {
  if (!terms_ || !terms_->interactive || client.uncredited + bytes.size() > kCredit) {
    return fail(EPROTO, "more stdin than there is credit for");
  }
  client.uncredited += bytes.size();
  feed.put(bytes);
  return {};
}

void Attachments::grant(const StdinFeed& feed) {
  if (feed.unsent() > 0) return;
  for (Client& client : clients_) {
    if (client.uncredited == 0) continue;
    client.link.send(wire::ExecCredit{std::exchange(client.uncredited, 0)});
  }
}

void Attachments::write(std::uint16_t type, std::string_view bytes) {
  for (Client& client : clients_) {
    if (!client.let_in) continue;
    client.link.send_raw(type, bytes);
    if (auto sent = client.link.flush(); !sent) log::debug("vm", "{}", sent.error().message());
  }
}

bool Attachments::idle() const {
  return std::all_of(clients_.begin(), clients_.end(), [](const Client& client) {
    return client.link.queued() == 0 && (client.let_in || !client.own);
  });
}

void Attachments::end_with(std::string_view frame) {
  take_in();
  const auto deadline = base::Deadline::in(kFarewell);
  for (Client& client : clients_) {
    client.link.send_bytes(frame);
    while (client.link.queued() > 0) {
      if (!client.link.flush() || client.link.queued() == 0) break;
      if (!base::wait_writable(client.link.fd(), deadline)) break;
    }
  }
  clients_.clear();
}

}  // namespace fcvm::vm
