// A connection to a port on a guest's loopback, by the agent: for `fcvm port-forward` and for what
// carries requests to programs in a guest.
#pragma once

#include <cstdint>
#include <string>

#include <fcvm/result.hpp>

#include "core/base/deadline.hpp"
#include "core/vm/guest/frame_link.hpp"
#include "core/vm/store/store.hpp"

namespace fcvm::vm {

/// A stream to the port, past the protocol's words. ECONNREFUSED when nobody listens there.
[[nodiscard]] Result<FrameLink::Raw> dial_guest_port(const Store& store, const std::string& id,
                                                     std::uint16_t port, base::Deadline deadline);

}  // namespace fcvm::vm
