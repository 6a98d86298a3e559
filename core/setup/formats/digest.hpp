// SHA-256, and the keys made of it that name what setup builds.
#pragma once

#include <string>
#include <string_view>

#include <fcvm/result.hpp>

namespace fcvm::setup {

/// 64 hexadecimal digits.
[[nodiscard]] std::string sha256(std::string_view bytes);
/// Of a file's content, whatever its size.
[[nodiscard]] Result<std::string> sha256_of_file(const std::string& path);

/// Hashes named inputs. Lengths go in too, so that no two lists of inputs read the same.
class Key {
 public:
  Key& add(std::string_view name, std::string_view value);
  /// The first 16 digits: enough to tell apart what one machine ever builds.
  [[nodiscard]] std::string text() const;

 private:
  std::string inputs_;
};

}  // namespace fcvm::setup
