// A host for plugins under test: process/1 over core/base, and log/1 into a list.
#pragma once

#include <fcvm/host.h>

namespace fcvm::test {

/// One host for the whole test program; it never ends.
const fcvm_host* process_host();

}  // namespace fcvm::test
