// See json_object.hpp.
#include "core/api/json_object.hpp"

#include <stdexcept>

#include <nlohmann/json.hpp>

namespace fcvm::api {
namespace {

using nlohmann::json;

/// No message of any client's is half as deep.
constexpr int kDeepest = 32;

bool is_shallow(int depth, json::parse_event_t /*event*/, json& /*value*/) {
  if (depth > kDeepest) throw std::invalid_argument("it is nested too deeply");
  return true;
}

}  // namespace

Result<json> parse_object(std::string_view text, const std::string& what) {
  try {
    auto value = json::parse(text, is_shallow);
    if (value.is_object()) return value;
  } catch (const std::exception&) {
    // The same to the client: it sent something that is none.
  }
  return fail(EINVAL, what + " is no JSON object");
}

}  // namespace fcvm::api
