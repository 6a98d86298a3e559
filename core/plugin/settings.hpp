// Settings: the validated options of one plugin in the form in which the ABI hands them over.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include <fcvm/abi.h>
#include <fcvm/result.hpp>

#include "core/config/config.hpp"

namespace fcvm::plugin {

class Settings {
 public:
  /// No settings at all: every option keeps its plugin's default.
  Settings() = default;
  /// What the configuration says in [plugin.<id>]. EINVAL when a required option is not set.
  [[nodiscard]] static Result<Settings> of(const config::Config& config, const std::string& id);
  /// The same for probe() and recover(), which are called with what there is.
  [[nodiscard]] static Settings as_far_as_set(const config::Config& config, const std::string& id);
  /// `values` ("url=http://..."), as in `--wait-ready mode=http,...`, over what `beneath` says, the
  /// plugin's section of the configuration, over the table's defaults.
  [[nodiscard]] static Result<Settings> from_values(
      const config::OptionTable& table,
      const std::vector<std::pair<std::string, std::string>>& values,
      const config::Section* beneath = nullptr);

  Settings(Settings&&) = default;
  Settings& operator=(Settings&&) = default;
  Settings(const Settings&) = delete;
  Settings& operator=(const Settings&) = delete;

  /// Borrowed from this object.
  [[nodiscard]] const fcvm_settings* get() const { return &settings_; }

 private:
  struct Row {
    fcvm_setting setting;
    std::string name;
    std::string text;
    std::vector<std::string> items;
    std::vector<const char*> item_pointers;
  };

  [[nodiscard]] static Settings from_section(const config::Section& section);
  void add(const config::Option& option, const config::Value& value);
  void finish();

  std::deque<Row> rows_;  // a deque: rows are pointed to and must not move
  std::vector<const fcvm_setting*> pointers_;
  fcvm_settings settings_{sizeof(fcvm_settings), 0, nullptr};
};

}  // namespace fcvm::plugin
