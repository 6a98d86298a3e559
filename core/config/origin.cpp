#include "core/config/origin.hpp"

#include <array>

namespace fcvm::config {

std::string_view to_string(Layer layer) {
  constexpr std::array<std::string_view, 10> kNames{
      "built-in",     "share", "system",  "system-drop-in", "user",
      "user-drop-in", "file",  "profile", "environment",    "command-line"};
  return kNames.at(static_cast<std::size_t>(layer));
}

std::string to_string(const Origin& origin) {
  std::string place = origin.file;
  if (origin.line != 0) {
    place += ":" + std::to_string(origin.line) + ":" + std::to_string(origin.column);
  }
  switch (origin.layer) {
    case Layer::kBuiltIn:
      return "built-in";
    case Layer::kProfile:
      return "profile " + origin.name + (place.empty() ? "" : ", " + place);
    case Layer::kEnvironment:
      return "environment " + origin.name;
    case Layer::kCommandLine:
      return "command line " + origin.name;
    default:
      return place;
  }
}

}  // namespace fcvm::config
