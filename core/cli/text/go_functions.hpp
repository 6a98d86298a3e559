// The functions of Go templates, over JSON.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include <fcvm/result.hpp>

namespace fcvm::cli {

[[nodiscard]] bool is_go_function(std::string_view name);

/// EINVAL for operands that it does not take.
[[nodiscard]] Result<nlohmann::ordered_json> call_go_function(
    std::string_view name, const std::vector<nlohmann::ordered_json>& operands);

/// As Go prints it: [a b], map[a:b].
[[nodiscard]] std::string go_text(const nlohmann::ordered_json& value);

/// Whether {{if}} takes it for true: what is zero or empty is not.
[[nodiscard]] bool go_truth(const nlohmann::ordered_json& value);

}  // namespace fcvm::cli
