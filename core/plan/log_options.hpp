// --log-driver and --log-opt: how a container's output is kept, or why not so.
#pragma once

#include "core/config/config.hpp"
#include "core/vm/model/log_driver.hpp"

namespace fcvm::plan {

/// `detached` and `tty` as the container will run.
[[nodiscard]] Result<vm::LogDriver> log_driver(const config::Config& config, bool detached,
                                               bool tty);

}  // namespace fcvm::plan
