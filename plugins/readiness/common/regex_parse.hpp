// A pattern as a tree, which regex.cpp makes a graph of.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "plugins/readiness/common/regex.hpp"

namespace fcvm::readiness {

struct Expression {
  enum class Kind { kBytes, kLineBegin, kLineEnd, kSequence, kChoice, kRepeat };
  Kind kind = Kind::kSequence;
  ByteSet bytes{};
  std::vector<Expression> parts{};  // of a repetition, one
  unsigned least = 0;
  std::optional<unsigned> most{};  // nothing: any number
};

[[nodiscard]] Result<Expression> parse_regex(std::string_view pattern);

}  // namespace fcvm::readiness
