// SHA-256 by libcrypto, as 64 hexadecimal digits.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <fcvm/result.hpp>

namespace fcvm::digest {

/// Takes bytes piece by piece. Throws std::bad_alloc when libcrypto has no memory.
class Sha256 {
 public:
  Sha256();
  Sha256& add(std::string_view bytes);
  /// Of all that was added; once.
  [[nodiscard]] std::string text();

 private:
  struct Context;
  struct Free {
    void operator()(Context* context) const;
  };
  std::unique_ptr<Context, Free> context_;
};

[[nodiscard]] std::string sha256(std::string_view bytes);
/// Of a file from its start to its end; an error of `between`, which is called between pieces, ends
/// it.
[[nodiscard]] Result<std::string> sha256_of_file(int fd,
                                                 const std::function<Result<void>()>& between = {});

}  // namespace fcvm::digest
