// Which VM has a port of the host, for messages about one that is taken.
#pragma once

#include <string>
#include <vector>

#include "core/vm/model/port.hpp"
#include "core/vm/model/record.hpp"

namespace fcvm::vm {

/// The name of a VM that lives and publishes what `wish` wants of the host; empty when none does.
[[nodiscard]] std::string port_owner(const std::vector<Record>& records, const PublishedPort& wish);

}  // namespace fcvm::vm
