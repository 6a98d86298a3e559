// RecordedState: state/1 of plugins, kept in a VM's record.
#pragma once

#include <mutex>

#include "core/plugin/services.hpp"
#include "core/vm/store/store.hpp"

namespace fcvm::vm {

/// Saves the record at every change, before it returns. `record` and `mutex`, which guards it, are
/// its owner's.
class RecordedState : public plugin::StateService {
 public:
  RecordedState(const Store& store, Record& record, std::mutex& mutex)
      : store_(store), record_(record), mutex_(mutex) {}

  Result<void> put(std::string_view plugin, const std::string& key,
                   const std::string& value) override;
  Result<void> forget(std::string_view plugin, const std::string& key) override;
  std::vector<std::pair<std::string, std::string>> list(std::string_view plugin) override;
  Result<base::Fd> directory() override;

 private:
  const Store& store_;
  Record& record_;
  std::mutex& mutex_;
};

}  // namespace fcvm::vm
