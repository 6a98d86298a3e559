// Table: which requests a version of Firecracker knows, and what their bodies may hold (api.json).
#pragma once

#include <optional>
#include <string>

#include <nlohmann/json.hpp>

namespace fake {

using Json = nlohmann::json;

class Table {
 public:
  /// The newest version in the file that is no newer than 1.<minor>.
  static Table load(const std::string& file, int minor);

  /// Why this version refuses the request, in Firecracker's words; nothing when it does not.
  [[nodiscard]] std::optional<std::string> refusal(const std::string& method,
                                                   const std::string& path,
                                                   const std::optional<Json>& body) const;

 private:
  explicit Table(Json requests) : requests_(std::move(requests)) {}
  [[nodiscard]] const Json* find(const std::string& method, const std::string& path) const;

  Json requests_;
};

}  // namespace fake
