// Where the bytes of an upload come from: the request's body, or what is made of it. Called until
// it gives 0.
#pragma once

#include <cstddef>
#include <functional>
#include <span>

#include <fcvm/result.hpp>

namespace fcvm::api::envd {

/// What is taken at a time.
inline constexpr std::size_t kPiece = 64 << 10;

using ByteSource = std::function<Result<std::size_t>(std::span<char> into)>;

}  // namespace fcvm::api::envd
