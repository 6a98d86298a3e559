// One section on its way through the layers.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/config/config.hpp"
#include "core/config/load/layers.hpp"

namespace fcvm::config {

/// For the core's tables, which live as long as the program.
[[nodiscard]] inline std::shared_ptr<const OptionTable> borrowed(const OptionTable& table) {
  return {std::shared_ptr<const OptionTable>(), &table};
}

class SectionBuilder {
 public:
  SectionBuilder(std::shared_ptr<const OptionTable> table, Problems& problems);

  /// A table's own defaults, and those that the caller knows at run time.
  void built_in(const std::vector<Assignment>& assignments);

  /// A table of a file. `origin` has the layer and the profile; its position comes from each key.
  void file_table(const Document& document, const Node& table, const Origin& origin);

  void environment(const Environment& environment);
  void command_line(const std::vector<Assignment>& assignments);

  [[nodiscard]] Section take() { return std::move(section_); }

  /// Every variable that sets an option of the table.
  [[nodiscard]] static std::set<std::string> variables(const OptionTable& table);

 private:
  [[nodiscard]] Entry& entry(const Option& option);
  void assign(Layer layer, const std::vector<Assignment>& assignments);
  static void set(Entry& entry, Value value, const Origin& origin);

  Section section_;
  Problems& problems_;
};

}  // namespace fcvm::config
