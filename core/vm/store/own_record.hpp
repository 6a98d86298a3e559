// OwnRecord: a VM's record in the hands of the one who may change it: its supervisor, or whoever
// undoes what that left. Owns the copy that counts, and saves it at every change.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <utility>

#include <fcvm/result.hpp>

#include "core/vm/store/store.hpp"

namespace fcvm::vm {

/// For any thread.
class OwnRecord {
 public:
  OwnRecord(const Store& store, Record record)
      : store_(store), id_(record.id), record_(std::move(record)) {}

  [[nodiscard]] const Store& store() const { return store_; }
  [[nodiscard]] const std::string& id() const { return id_; }
  [[nodiscard]] std::string name() const {
    const std::lock_guard lock(mutex_);
    return record_.name;
  }
  [[nodiscard]] Record copy() const {
    const std::lock_guard lock(mutex_);
    return record_;
  }
  /// `look` takes a Record; what it returns must not refer to it.
  template <typename Look>
  [[nodiscard]] auto look(Look look) const {
    const std::lock_guard lock(mutex_);
    return look(std::as_const(record_));
  }

  /// `change` takes a Record&. It is on the disk on return.
  template <typename Change>
  [[nodiscard]] Result<void> change(Change change) {
    const std::lock_guard lock(mutex_);
    change(record_);
    return store_.save(record_);
  }
  /// Likewise, for what goes on without it.
  template <typename Change>
  void note(Change change) {
    warn_if_lost(this->change(std::move(change)));
  }

  /// Into the log of events.
  void tell(const std::string& type, std::map<std::string, std::string> attributes = {}) const;

 private:
  static void warn_if_lost(const Result<void>& kept);

  const Store& store_;
  const std::string id_;
  mutable std::mutex mutex_;
  Record record_;
};

}  // namespace fcvm::vm
