// Creating a snapshot of a VM that runs: its supervisor writes the files, this the rest.
#pragma once

#include <map>
#include <string>

#include <fcvm/result.hpp>

#include "core/snapshot/store.hpp"
#include "core/vm/store/store.hpp"

namespace fcvm::snapshot {

struct CreateOptions {
  std::string tag;
  std::string kind = Manifest::kUser;
  std::map<std::string, std::string> labels{};
  bool ends = false;      // the VM does not go on
  bool replaces = false;  // the snapshot that has the tag
};

/// EEXIST, before anything is done, for a tag that is taken, unless that one is replaced.
[[nodiscard]] Result<Kept> create(const Store& store, const vm::Store& vms,
                                  const vm::Record& record, const CreateOptions& options);

}  // namespace fcvm::snapshot
