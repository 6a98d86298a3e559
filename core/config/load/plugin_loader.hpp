// [plugin.<id>]: found when the files are read, understood once the plugins have been scanned.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/config/config.hpp"
#include "core/config/load/layers.hpp"
#include "core/config/problem.hpp"

namespace fcvm::config {

class PluginLoader {
 public:
  PluginLoader(Config& config, Problems& problems);

  /// Only notes which plugins are configured, in Config::unchecked_plugins().
  void postpone();

  /// Replaces the sections `plugin.<id>` of the Config by what these tables make of the sources.
  void load(const PluginTables& plugins);

 private:
  struct Part {
    const Document* document = nullptr;
    const Node* table = nullptr;
    Position at{};
  };

  void collect();
  void collect_kind(const Document& document, const Member& kind);
  void add_part(const Document& document, const std::string& id, const Member& member);
  void build(const OptionTable& table, const std::string& id);
  void refuse_unknown(const std::vector<std::string>& known);
  void warn_of_variables(const PluginTables& plugins, const std::vector<std::string>& known);
  void warn(std::string text);

  Config& config_;
  const Sources& sources_;
  Problems& problems_;
  std::map<std::string, std::vector<Part>> parts_;  // by id, lowest layer first
};

}  // namespace fcvm::config
