// Request: what a plan is made from. It borrows all of it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/config/config.hpp"
#include "core/plugin/registry.hpp"
#include "core/vm/model/paths.hpp"
#include "core/wire/output.hpp"

namespace fcvm::plan {

struct Request {
  const config::Config& config;
  const plugin::Registry& registry;
  const vm::Paths& paths;
  std::string image;
  std::vector<std::string> command;
  std::optional<wire::Resize> terminal;  // the size of the caller's
};

}  // namespace fcvm::plan
