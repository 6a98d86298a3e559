// The part of Go templates that --format takes: text, {{.Field}}, {{.A.B}}, {{json .Field}}, and
// \t \n in the text, as podman has them.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <fcvm/result.hpp>

namespace fcvm::cli {

class GoTemplate {
 public:
  /// Fails with EINVAL on a template that is not of this part.
  [[nodiscard]] static Result<GoTemplate> parse(std::string_view text);

  /// Gives the text of a field: "Names", "State.Pid", "" for {{.}}.
  using Lookup = std::function<Result<std::string>(const std::string& field, bool as_json)>;
  [[nodiscard]] Result<std::string> render(const Lookup& lookup) const;

  /// Whether it began with "table ": a heading and aligned columns.
  [[nodiscard]] bool is_table() const { return table_; }

 private:
  struct Piece {
    bool is_field = false;
    bool as_json = false;
    std::string text;  // or the field's name
  };
  Result<void> add_action(std::string_view action);

  bool table_ = false;
  std::vector<Piece> pieces_;
};

/// Lines whose cells are divided by tabs, as columns.
[[nodiscard]] std::string align_tabs(const std::vector<std::string>& lines);

}  // namespace fcvm::cli
