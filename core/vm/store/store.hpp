// Store: all VMs of this user, as their record files tell.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <fcvm/result.hpp>

#include "core/base/io/file.hpp"
#include "core/vm/model/paths.hpp"
#include "core/vm/model/record.hpp"
#include "core/vm/model/run_plan.hpp"

namespace fcvm::vm {

class Store {
 public:
  explicit Store(Paths paths) : paths_(std::move(paths)) {}

  [[nodiscard]] const Paths& paths() const { return paths_; }

  /// Makes a VM's directories and its first record, with a fresh id and, when `record.name` is
  /// empty, a fresh name ("brave-otter"). EEXIST names the VM that has the name already. Under one
  /// lock, so that two commands cannot take one name. A record that names no supervisor gets this
  /// process, so that it never looks like one whose supervisor has died.
  [[nodiscard]] Result<Record> create(Record record);

  /// Writes the record; readers see the old one or the new one. ENOENT when the VM was removed,
  /// E2BIG when it would be too large to be read again. The record before it is kept beside it, for
  /// when a disk damages this one.
  [[nodiscard]] Result<void> save(const Record& record) const;

  /// What the VM is made of, beside its record: the container's environment is in it, so only its
  /// user may read it.
  [[nodiscard]] Result<void> save_plan(const std::string& id, const RunPlan& plan) const;
  [[nodiscard]] Result<RunPlan> load_plan(const std::string& id) const;
  /// The configuration of its image, as the image has it: anybody's words.
  [[nodiscard]] Result<void> save_image_config(const std::string& id,
                                               const std::string& json) const;
  [[nodiscard]] Result<std::string> load_image_config(const std::string& id) const;

  /// A VM that has no supervisor gets this process for one, and begins anew under its id. EBUSY
  /// when another has it, ENOTEMPTY while plugins have something to undo.
  [[nodiscard]] Result<Record> take_over(const std::string& id) const;
  /// The name that it has from now on. EEXIST names the VM that has it already. For the one who may
  /// change the record.
  [[nodiscard]] Result<void> check_free_name(const std::string& id, const std::string& name) const;

  /// All records, oldest first. A file that cannot be read is skipped with a warning in the log.
  [[nodiscard]] Result<std::vector<Record>> all() const;

  /// Ids of VMs of which neither the record nor the one before it can be read.
  [[nodiscard]] Result<std::vector<std::string>> damaged() const;
  /// Takes such a VM out of all lists, and returns where its directory lies from now on.
  [[nodiscard]] Result<std::filesystem::path> set_aside(const std::string& id) const;

  /// By id, name, or an unambiguous beginning of an id. ENOENT suggests the nearest name.
  [[nodiscard]] Result<Record> find(std::string_view name_or_id) const;
  [[nodiscard]] Result<Record> load(const std::string& id) const;

  /// Removes a VM's directories; at once for those who look. Its host resources must be gone
  /// already: see gc.hpp.
  [[nodiscard]] Result<void> remove(const std::string& id) const;

  /// Held by a VM's supervisor while it lives, and so known also where its pid means nothing.
  [[nodiscard]] Result<base::FileLock> supervise(const std::string& id) const;
  /// Waits until the VM's supervisor has ended, whatever pid namespace it is in.
  [[nodiscard]] Result<void> wait_for_supervisor(const Record& record,
                                                 base::Deadline deadline) const;

  /// For who cleans up after the dead or removes; ETIMEDOUT when another does so until `deadline`,
  /// ENOENT when the VM is gone. What was read before has to be read again under the lock.
  [[nodiscard]] Result<base::FileLock> lock(const std::string& id, base::Deadline deadline) const;
  /// For who adds a VM, or looks for what is none: no directory is without its record under it.
  [[nodiscard]] Result<base::FileLock> lock_all() const;

 private:
  Paths paths_;
};

/// What Store::find does, among records that were read already.
[[nodiscard]] Result<const Record*> find_record(const std::vector<Record>& records,
                                                std::string_view name_or_id);

/// A VM that was removed in two steps and of which the second is missing: for gc.
inline constexpr std::string_view kRemovedPrefix = ".removed-";
/// One whose record was damaged, kept for whoever wants to look into it.
inline constexpr std::string_view kDamagedPrefix = ".damaged-";

}  // namespace fcvm::vm
