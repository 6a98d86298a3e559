// Objects of a JSON array by --format: "json", or a Go template of their fields.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include <fcvm/result.hpp>

namespace fcvm::cli {

/// Prints the whole list for "json" or no format, else a line for each object. `remedy` is the
/// command that shows all fields.
[[nodiscard]] Result<void> print_objects(const nlohmann::ordered_json& list,
                                         const std::string& format, const std::string& remedy);

/// The field "State.Pid" of an object, whether its letters are large or small, as Go's fields and
/// JSON's keys differ in that; the whole for "". `remedy` is for one that there is not.
[[nodiscard]] Result<nlohmann::ordered_json> json_field(const nlohmann::ordered_json& whole,
                                                        const std::string& path,
                                                        const std::string& remedy = "");

}  // namespace fcvm::cli
