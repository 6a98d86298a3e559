// must: the value of a Result, or a failed test that shows the error.
#pragma once

#include <utility>

#include <fcvm/result.hpp>

#include "tests/support/catch.hpp"

namespace fcvm {

template <typename T>
T must(Result<T> result) {
  if (!result) FAIL(result.error().message());
  return *std::move(result);
}
inline void must(Result<void> result) {
  if (!result) FAIL(result.error().message());
}

}  // namespace fcvm
