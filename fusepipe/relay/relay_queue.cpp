// See relay_queue.hpp.
#include "fusepipe/relay/relay_queue.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>
#include <utility>

namespace fcvm::fusepipe {

RelayQueue::RelayQueue(Link& link, std::uint32_t number, base::Fd device, Link::Opened opened,
                       const Options& options)
    : link_(link),
      number_(number),
      device_(std::move(device)),
      options_(options),
      request_(new std::byte[kMaxMessage]) {
  adopt(std::move(opened));
}

void RelayQueue::adopt(Link::Opened opened) {
  server_ = opened.hello.server;
  stream_ = std::move(opened.stream);
  reader_.emplace(stream_.get(), sizeof(fuse_out_header));
}

void RelayQueue::drop_stream() {
  if (!stream_) return;
  link_.remove(stream_.get());
  stream_.reset();
}

Result<void> RelayQueue::run() {
  for (;;) {
    const bool waits_long = stream_ && !pending_.is_empty() && !pending_.expects_soon();
    FCVM_TRY(read_may_wait(!waits_long));
    const bool answer_comes =
        pending_.expects_soon() || pending_.is_full() || (waits_long && wait_for_either());
    if (stream_ && answer_comes) {
      auto taken = take_answer();
      if (!taken) FCVM_TRY(replace_stream());
    } else if (!FCVM_TRY(take_request())) {
      drop_stream();
      return {};
    }
  }
}

/// All queues of a mount are woken for one request, and one of them gets it. The others must not
/// wait for the next in read(), where they would not see their answers. But while there are no
/// answers to come, it is better to wait there: then the kernel wakes one alone.
Result<void> RelayQueue::read_may_wait(bool may) {
  if (may == read_may_wait_) return {};
  const int flags = ::fcntl(device_.get(), F_GETFL);
  if (flags < 0 ||
      ::fcntl(device_.get(), F_SETFL, may ? flags & ~O_NONBLOCK : flags | O_NONBLOCK) != 0) {
    return fail_errno("setting how requests of the mount are read");
  }
  read_may_wait_ = may;
  return {};
}

/// While nothing but long waits is unanswered: true when the stream has something, or its end.
bool RelayQueue::wait_for_either() {
  if (reader_->has_message()) return true;
  pollfd waits[] = {{device_.get(), POLLIN, 0}, {stream_.get(), POLLIN, 0}};
  while (::poll(waits, 2, -1) < 0 && errno == EINTR) {
  }
  return waits[1].revents != 0;
}

/// False when the mount has gone.
Result<bool> RelayQueue::take_request() {
  const ssize_t got = ::read(device_.get(), request_.get(), kMaxMessage);
  if (got < 0) {
    switch (errno) {
      case EINTR:
      case EAGAIN:  // another queue has it
      case ENOENT:  // the request was interrupted while it was read
        return true;
      case ENODEV:
      case ECONNABORTED:
        return false;
      default:
        return fail_errno("reading requests of the mount");
    }
  }
  const auto size = static_cast<std::size_t>(got);
  fuse_in_header header{};
  if (size < sizeof header) return fail(EPROTO, "the kernel's request has no header");
  std::memcpy(&header, request_.get(), sizeof header);
  FCVM_TRY(send(header, {request_.get(), size}));
  return true;
}

Result<void> RelayQueue::send(const fuse_in_header& header, Pending::Bytes message) {
  if (!stream_) {
    auto opened = link_.open(Role::kQueue, number_, &server_);
    if (!opened) return answer_without_server(header);
    adopt(std::move(*opened));
  }
  pending_.sent(header, message);
  if (send_message(stream_.get(), message)) return {};
  return replace_stream();
}

Result<void> RelayQueue::answer_without_server(const fuse_in_header& header) {
  if (has_reply(header.opcode)) hand_back_error(header.unique, EIO);
  return {};
}

Result<void> RelayQueue::take_answer() {
  const auto answer = FCVM_TRY(reader_->next());
  if (answer.empty()) return fail(ENODATA, "the stream ended");
  fuse_out_header header{};
  std::memcpy(&header, answer.data(), sizeof header);
  // Twice is possible: a server answers again what may have been lost.
  if (!pending_.answered(header.unique)) return {};
  if (hand_back(answer)) return {};
  return fail(EPROTO, "the kernel does not take the server's answer");
}

/// False when the kernel finds the answer itself wrong.
bool RelayQueue::hand_back(Pending::Bytes answer) {
  for (;;) {
    if (::write(device_.get(), answer.data(), answer.size()) >= 0) return true;
    if (errno == EINTR) continue;
    if (errno == EINVAL) {
      // Who asked must not wait for ever.
      fuse_out_header header{};
      std::memcpy(&header, answer.data(), sizeof header);
      return hand_back_error(header.unique, EIO);
    }
    // ENOENT: the request was interrupted, and nobody waits any more. The others: no mount.
    return true;
  }
}

bool RelayQueue::hand_back_error(std::uint64_t unique, int error) {
  const fuse_out_header header{sizeof header, -error, unique};
  return ::write(device_.get(), &header, sizeof header) >= 0 || errno != EINVAL;
}

Result<void> RelayQueue::replace_stream() {
  for (;;) {
    drop_stream();
    auto opened = link_.reopen(Role::kQueue, number_, server_, options_.patience);
    if (!opened) {
      for (const std::uint64_t unique : pending_.give_up()) hand_back_error(unique, EIO);
      if (options_.persistent && !link_.stopped()) return {};
      return unexpected(std::move(opened).error());
    }
    const auto again = pending_.resume(opened->hello.received, opened->same_server);
    adopt(std::move(*opened));
    bool all_sent = true;
    for (const Pending::Bytes message : again) {
      all_sent = all_sent && send_message(stream_.get(), message);
    }
    if (all_sent) return {};
  }
}

}  // namespace fcvm::fusepipe
