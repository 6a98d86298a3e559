// See json_text.hpp.
#include "core/cli/text/json_text.hpp"

#include "core/base/printable.hpp"

namespace fcvm::cli {

std::string json_text(const nlohmann::ordered_json& json, int indent) {
  using Json = nlohmann::ordered_json;
  return base::printable_json(json.dump(indent, ' ', false, Json::error_handler_t::replace));
}

}  // namespace fcvm::cli
