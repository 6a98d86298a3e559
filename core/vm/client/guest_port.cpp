// See guest_port.hpp.
#include "core/vm/client/guest_port.hpp"

#include <utility>

#include "core/vm/control/control_protocol.hpp"
#include "core/vm/guest/guest_stream.hpp"
#include "core/wire/forward.hpp"
#include "core/wire/ports.hpp"

namespace fcvm::vm {

Result<FrameLink::Raw> dial_guest_port(const Store& store, const std::string& id,
                                       std::uint16_t port, base::Deadline deadline) {
  auto dialled =
      FCVM_TRY(ask_supervisor(store.paths(), id, ask::Dial{wire::kForwardPort}, deadline));
  GuestStream stream =
      FCVM_TRY(GuestStream::open(std::move(dialled.fd), wire::kMaxForwardHeader, deadline));
  FCVM_TRY(stream.send(wire::ForwardRequest{port}));
  const wire::Frame frame = FCVM_TRY(stream.receive(deadline));
  const auto reply = FCVM_TRY(wire::decode<wire::ForwardReply>(frame));
  if (reply.code != 0) return fail(reply.code > 0 ? reply.code : EIO, reply.message);
  return std::move(stream).release_raw();
}

}  // namespace fcvm::vm
