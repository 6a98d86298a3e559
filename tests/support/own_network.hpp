// Network namespaces of a test's own, so that nothing it does reaches the machine's network.
#pragma once

#include <fcvm/result.hpp>

#include "core/base/process/namespaces.hpp"

namespace fcvm::test {

/// Moves this process, which must have one thread, into a fresh network namespace for good; as an
/// ordinary user into a fresh user namespace too. The loopback is up. Once is enough.
Result<void> enter_own_network();

/// Another one, its loopback up.
Result<base::Namespace> new_network();

}  // namespace fcvm::test
