// See last_line.hpp.
#include "plugins/readiness/common/last_line.hpp"

#include "core/base/printable.hpp"

namespace fcvm::readiness {
namespace {

constexpr std::size_t kRoom = 160;

}  // namespace

std::string last_line(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) {
    text.remove_suffix(1);
  }
  const auto newline = text.rfind('\n');
  if (newline != std::string_view::npos) text.remove_prefix(newline + 1);
  const bool cut = text.size() > kRoom;
  return base::printable(std::string(text.substr(0, kRoom))) + (cut ? "..." : "");
}

}  // namespace fcvm::readiness
