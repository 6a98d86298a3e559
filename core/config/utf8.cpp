#include "core/config/utf8.hpp"

#include "core/base/printable.hpp"

namespace fcvm::config {

std::optional<Position> find_bad_utf8(std::string_view text) {
  Position here{1, 1};
  while (!text.empty()) {
    const std::size_t length = base::utf8_length(text);
    if (length == 0) return here;
    if (text.front() == '\n') {
      here = {here.line + 1, 1};
    } else {
      ++here.column;
    }
    text.remove_prefix(length);
  }
  return std::nullopt;
}

}  // namespace fcvm::config
