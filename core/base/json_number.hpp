// Numbers in JSON of anybody's.
#pragma once

#include <concepts>
#include <cstdint>
#include <stdexcept>
#include <utility>

namespace fcvm::base {

/// The number in a value of nlohmann's, which has to be a whole one that fits: get<>() cuts off a
/// large one, and what it makes of 1e99 is undefined.
template <std::integral Number, typename Json>
Number json_number(const Json& value) {
  if (value.is_number_unsigned()) {
    const auto number = value.template get<std::uint64_t>();
    if (std::in_range<Number>(number)) return static_cast<Number>(number);
  } else if (value.is_number_integer()) {
    const auto number = value.template get<std::int64_t>();
    if (std::in_range<Number>(number)) return static_cast<Number>(number);
  }
  throw std::invalid_argument("a number is missing, or is not a whole one that fits");
}

}  // namespace fcvm::base
