// Undoing what dead supervisors left: exactly what their records say, and nothing of the living.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <fcvm/result.hpp>

#include "core/vm/store/store.hpp"

namespace fcvm::vm {

/// Asks a plugin to undo its recorded state; given the record and the plugin's id.
using RecoverPlugin = std::function<Result<void>(const Record& record, const std::string& plugin)>;

struct Collected {
  std::string id;
  std::string name;
  std::string what;                 // "removed", "marked as exited: its supervisor was killed"
  std::vector<std::string> goes{};  // of a dry run: what is still there, a line each
};

/// What plugins have recorded of the host: "net.routed: table=fcvm-1 link=veth-1", a line each.
[[nodiscard]] std::vector<std::string> left_by_plugins(const Record& record);

struct GarbageOptions {
  /// Only says what would be done.
  bool dry_run = false;
  /// Also asks plugins again that failed to undo what they recorded, and looks for directories
  /// without a record: what `fcvm gc` does and an ordinary command has no time for.
  bool thorough = true;
};

/// Whether a record is of a dead supervisor that did not say that it exited, or did not come to
/// remove a VM with --rm. Cheap for the others that have exited.
[[nodiscard]] bool is_garbage(const Record& record);

/// For each VM whose supervisor is gone but whose record does not say that it exited: ends its VMM
/// if that still lives, lets the plugins undo what they recorded, removes its sockets, and marks it
/// as exited (or removes it, with --rm). Thorough, it also removes directories that have no record,
/// and sets aside those whose record is damaged. Holds each VM's lock while it works, so that two
/// commands do not collide. What fails with one VM is logged, and stops no other.
[[nodiscard]] Result<std::vector<Collected>> collect_garbage(Store& store,
                                                             const RecoverPlugin& recover,
                                                             const GarbageOptions& options = {});

/// The same, thoroughly, for one VM whose supervisor may have ended after the records were read.
/// Does nothing when there is nothing to do, or another command is at it.
[[nodiscard]] Result<void> collect_garbage_of(Store& store, const RecoverPlugin& recover,
                                              const Record& record);

}  // namespace fcvm::vm
