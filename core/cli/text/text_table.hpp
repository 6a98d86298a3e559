// Columns of text for people, as `ls`-like verbs print them.
#pragma once

#include <string>
#include <vector>

namespace fcvm::cli {

/// Left-aligned columns, two spaces apart; the last column is not padded.
[[nodiscard]] std::string text_table(const std::vector<std::string>& header,
                                     const std::vector<std::vector<std::string>>& rows);

}  // namespace fcvm::cli
