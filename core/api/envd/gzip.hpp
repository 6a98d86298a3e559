// gzip in both directions, in pieces: Inflated is a source over one, Deflater gives pieces to a
// sink. Own zlib's state alone.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <fcvm/result.hpp>

#include "core/api/envd/byte_source.hpp"

namespace fcvm::api::envd {

/// What a gzip holds; EINVAL for what is none, or is cut off. Any number of members, one after
/// another, are one file, as gzip(1) has it.
class Inflated {
 public:
  explicit Inflated(ByteSource source);
  Inflated(Inflated&&) noexcept;
  Inflated& operator=(Inflated&&) noexcept;
  ~Inflated();

  /// Some bytes; 0 at the end.
  [[nodiscard]] Result<std::size_t> read(std::span<char> into);

 private:
  struct State;

  ByteSource source_;
  std::string input_;
  std::unique_ptr<State> state_;
};

class Deflater {
 public:
  using Sink = std::function<Result<void>(std::string_view bytes)>;

  explicit Deflater(Sink sink);
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;
  ~Deflater();

  Result<void> write(std::string_view bytes);
  Result<void> finish();

 private:
  struct State;

  Result<void> deflate(std::string_view bytes, int flush);

  Sink sink_;
  std::unique_ptr<State> state_;
};

}  // namespace fcvm::api::envd
