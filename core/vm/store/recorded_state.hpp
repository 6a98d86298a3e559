// RecordedState: state/1 of plugins, kept in a VM's record.
#pragma once

#include "core/plugin/services.hpp"
#include "core/vm/store/own_record.hpp"

namespace fcvm::vm {

class RecordedState : public plugin::StateService {
 public:
  explicit RecordedState(OwnRecord& record) : record_(record) {}

  Result<void> put(std::string_view plugin, const std::string& key,
                   const std::string& value) override;
  Result<void> forget(std::string_view plugin, const std::string& key) override;
  std::vector<std::pair<std::string, std::string>> list(std::string_view plugin) override;
  Result<base::Fd> directory() override;

 private:
  OwnRecord& record_;
};

}  // namespace fcvm::vm
