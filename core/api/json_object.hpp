// JSON that comes from outside: an object, and not so deep that copying it exhausts a stack.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include <fcvm/result.hpp>

namespace fcvm::api {

/// EINVAL, with `what` as the subject, for whatever else it is.
[[nodiscard]] Result<nlohmann::json> parse_object(std::string_view text, const std::string& what);

}  // namespace fcvm::api
