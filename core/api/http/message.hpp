// Requests and responses of HTTP as values. Own their texts.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fcvm/result.hpp>

namespace fcvm::api::http {

/// In the order in which they came. Names are compared without regard to case.
class Headers {
 public:
  using Field = std::pair<std::string, std::string>;

  Headers() = default;
  Headers(std::initializer_list<Field> fields) : fields_(fields) {}

  /// The first of that name; empty when there is none.
  [[nodiscard]] std::string_view get(std::string_view name) const;
  [[nodiscard]] bool has(std::string_view name) const;
  void add(std::string_view name, std::string_view value) { fields_.emplace_back(name, value); }
  /// In place of all of that name.
  void set(std::string_view name, std::string_view value);
  void remove(std::string_view name);

  [[nodiscard]] const std::vector<Field>& fields() const { return fields_; }

 private:
  std::vector<Field> fields_;
};

[[nodiscard]] bool same_name(std::string_view a, std::string_view b);

/// What stands behind the `?`, decoded. A name that is given twice keeps both values.
using Query = std::multimap<std::string, std::string>;

struct Request {
  std::string method{};
  std::string target{};  // as it came: "/files?path=%2Ftmp"
  std::string path{};    // the same without the query, not decoded
  Query query{};
  Headers headers{};

  /// The first of that name; empty when there is none.
  [[nodiscard]] std::string parameter(const std::string& name) const;
};

struct Response {
  int status = 200;
  Headers headers{};
  std::string body{};
};

/// "a%20b" as "a b"; nothing when a percent sign is not followed by two digits, or where the text
/// would hold a NUL. With `plus`, a `+` is a space, as in a query.
[[nodiscard]] std::optional<std::string> percent_decode(std::string_view text, bool plus = false);
/// Whatever is not a letter, a digit or one of "-._~".
[[nodiscard]] std::string percent_encode(std::string_view text);

/// Pairs that cannot be decoded are EINVAL.
[[nodiscard]] Result<Query> parse_query(std::string_view text);

}  // namespace fcvm::api::http
