// Multipart: a body of multipart/form-data, part by part, as it comes. Owns what was read and not
// taken: a piece and the headers of one part at most, so that files of any size pass through it.
// Whatever is wrong with a body is EINVAL.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <fcvm/result.hpp>

#include "core/api/envd/byte_source.hpp"

namespace fcvm::api::envd {

class Multipart {
 public:
  static constexpr std::size_t kMostHeaderBytes = 16 << 10;

  /// What Content-Type says: EINVAL when it names no boundary, or one that is not allowed.
  [[nodiscard]] static Result<std::string> boundary_of(std::string_view content_type);

  Multipart(ByteSource source, std::string_view boundary);

  struct Part {
    std::string name;
    std::string filename;  // as it was sent, with its directories
  };
  /// The next part; nothing after the last one. What is left of the one before is passed over.
  [[nodiscard]] Result<std::optional<Part>> next();
  /// Some bytes of the part; 0 at its end.
  [[nodiscard]] Result<std::size_t> read(std::span<char> into);

 private:
  Result<void> pass_over();
  Result<bool> fill();
  Result<void> need(std::size_t size);
  Result<std::string> take_headers();

  ByteSource source_;
  std::string delimiter_;
  std::string buffer_;
  bool in_part_ = true;  // what stands before the first one is passed over as a part is
  bool ended_ = false;
};

}  // namespace fcvm::api::envd
