// JSON as fcvm prints it, for people and programs at once.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

namespace fcvm::cli {

/// Whatever a guest or an image has put into it moves no cursor. Nothing is wrong with bytes that
/// are no text: they are replaced. `indent` is -1 for one line.
[[nodiscard]] std::string json_text(const nlohmann::ordered_json& json, int indent = 2);

}  // namespace fcvm::cli
