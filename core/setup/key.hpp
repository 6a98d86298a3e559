// Keys name what setup builds by what it is built from.
#pragma once

#include <string>
#include <string_view>

#include <fcvm/result.hpp>

namespace fcvm::setup {

/// 64 hexadecimal digits, of a file's content.
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
