// Streams that another process dials for this one, and gives as descriptors over a socket: a VM's
// supervisor to the server, a guest's agent to the relay. Owns nothing.
#pragma once

#include <fcvm/result.hpp>

#include "core/base/io/fd.hpp"

namespace fcvm::fusepipe {

/// One byte, which asks for one stream.
Result<void> ask_for_stream(int giver);

/// Waits for the one that was asked for; ENOTCONN when the giver has ended. It is a stream whose
/// calls wait, however the giver used it.
Result<base::Fd> take_given_stream(int giver);

/// For a giver: how many streams were asked for since the last time; ENOTCONN when the other side
/// has ended.
Result<std::size_t> take_requests(int asker);

/// For a giver. Its own copy stays open.
Result<void> give_stream(int asker, int stream);

}  // namespace fcvm::fusepipe
