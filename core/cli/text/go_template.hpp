// The part of Go templates that --format takes: text, {{.A.B}}, pipes, functions, variables of
// range, if, with and range, as far as podman's users write them; and \t \n in the text, as podman
// has them.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include <fcvm/result.hpp>

#include "core/cli/text/go_syntax.hpp"

namespace fcvm::cli {

class GoTemplate {
 public:
  /// Fails with EINVAL on a template that is not of this part.
  [[nodiscard]] static Result<GoTemplate> parse(std::string_view text);

  /// Gives the value of a field: of "Names" or "State.Pid"; of all for "".
  using Lookup = std::function<Result<nlohmann::ordered_json>(const std::string& field)>;
  [[nodiscard]] Result<std::string> render(const Lookup& lookup) const;

  /// Whether it began with "table ": a heading and aligned columns.
  [[nodiscard]] bool is_table() const { return table_; }

 private:
  bool table_ = false;
  std::vector<GoNode> nodes_;
};

/// A text as the value of a field.
[[nodiscard]] Result<nlohmann::ordered_json> in_template(const Result<std::string>& text);

/// Lines whose cells are divided by tabs, as columns.
[[nodiscard]] std::string align_tabs(const std::vector<std::string>& lines);

}  // namespace fcvm::cli
