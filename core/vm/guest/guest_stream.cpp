#include "core/vm/guest/guest_stream.hpp"

#include <sys/socket.h>

#include <fmt/core.h>

#include "core/base/io/poll.hpp"
#include "core/vm/guest/guest_text.hpp"

namespace fcvm::vm {

Result<GuestStream> GuestStream::open(Fd fd, std::size_t max_payload, base::Deadline deadline) {
  GuestStream stream(std::move(fd), wire::kMaxHello);
  wire::Hello ours;
  ours.software = "fcvm " FCVM_VERSION;
  FCVM_TRY(stream.send(ours, deadline) | context("greeting the guest's agent"));
  const wire::Frame first =
      FCVM_TRY(stream.receive(deadline) | context("waiting for the greeting of the guest's agent"));
  stream.peer_ = FCVM_TRY(wire::decode<wire::Hello>(first));
  if (const auto agreed = wire::negotiate(ours, stream.peer_); !agreed) {
    return fail(agreed.error().code(), agreed.error().message(),
                "fcvm setup makes a guest with this fcvm's agent");
  }
  stream.link_.set_max_payload(max_payload);
  return stream;
}

Result<void> GuestStream::send_bytes(std::string_view frames, base::Deadline deadline) {
  auto sent = [&]() -> Result<void> {
    for (;;) {
      FCVM_TRY(link_.send_some(frames) | context("sending to the guest"));
      if (frames.empty()) return {};
      FCVM_TRY(base::wait_writable(link_.fd(), deadline));
    }
  }();
  if (!sent) shut_down();
  return sent;
}

Result<wire::Frame> GuestStream::receive(base::Deadline deadline) {
  for (;;) {
    // Also while data flows: a peer that never stops talking gets no more time than a silent one.
    if (deadline.expired()) return fail(ETIMEDOUT, "the guest did not say in time what was asked");
    if (auto frame = FCVM_TRY(link_.next())) {
      if (frame->type != wire::Refusal::kType) return *frame;
      const auto refusal = FCVM_TRY(wire::decode<wire::Refusal>(*frame));
      return fail(refusal.code > 0 ? refusal.code : EIO,
                  "the guest's agent refused: " + cut_guest_text(refusal.message));
    }
    FCVM_TRY(base::wait_readable(link_.fd(), deadline));
    if (!FCVM_TRY(link_.read() | context("receiving from the guest"))) {
      return fail(EPIPE, "the guest closed the connection");
    }
  }
}

void GuestStream::shut_down() { ::shutdown(link_.fd(), SHUT_RDWR); }

}  // namespace fcvm::vm
