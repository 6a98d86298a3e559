// How long a guest is waited for.
#pragma once

#include <chrono>

#include "core/base/deadline.hpp"

namespace fcvm::api::envd {

/// For one order, or one piece of a file.
inline base::Deadline guest_patience() { return base::Deadline::in(std::chrono::seconds(30)); }

}  // namespace fcvm::api::envd
