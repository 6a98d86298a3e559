// The fields of a VM that `fcvm ls` shows, by the names that podman's --format has for them.
#pragma once

#include <string>
#include <vector>

#include <fcvm/result.hpp>

#include "core/vm/model/paths.hpp"
#include "core/vm/model/record.hpp"

namespace fcvm::cli {

struct LsView {
  std::int64_t now = 0;
  bool whole = false;  // --no-trunc
  bool sized = false;  // --size
  vm::Paths paths{};   // where sizes are looked for
};

[[nodiscard]] Result<std::string> ls_field(const vm::Record& record, const std::string& name,
                                           const LsView& view);
/// "CONTAINER ID" for ID: what heads the column.
[[nodiscard]] Result<std::string> ls_heading(const std::string& name);
/// The whole list, as podman's `ps --format json` has it.
[[nodiscard]] std::string ls_json(const std::vector<vm::Record>& records, const LsView& view);

}  // namespace fcvm::cli
