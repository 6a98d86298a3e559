// Who has a port that we wanted: for error messages only.
#pragma once

#include <string>

#include "plugins/net/common/listener.hpp"

namespace fcvm::net {

/// "nginx (process 123)", or "" when it cannot be told: an ordinary user sees the descriptors of
/// their own processes only.
std::string port_holder(const PortKey& key);

}  // namespace fcvm::net
