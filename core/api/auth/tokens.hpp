// Tokens: who may use the API, and how much of it. Owns digests only, never a token.
//
//   sha256:<64 hexadecimal digits> NAME [max_sandboxes=N]        a line for each; # begins a remark
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fcvm/result.hpp>

namespace fcvm::api {

/// Each is a namespace: it sees the sandboxes that it has made.
struct Owner {
  std::string name;
  std::uint32_t max_sandboxes = 0;  // 0: no limit
};

class Tokens {
 public:
  /// The mistakes of a file are EINVAL, with their line.
  [[nodiscard]] static Result<Tokens> parse(std::string_view text);
  /// Also EPERM where others than the file's owner may read or write it.
  [[nodiscard]] static Result<Tokens> load(const std::string& path);
  /// For who may use everything without one: a local user.
  [[nodiscard]] static Tokens nobody_asks();

  /// Whose it is; nothing when it is nobody's. Takes the same time for each.
  [[nodiscard]] std::optional<Owner> find(std::string_view token) const;

 private:
  struct Known {
    std::string digest;
    Owner owner;
  };
  std::vector<Known> known_;
  bool nobody_asks_ = false;
};

/// In a time that depends on their sizes alone.
[[nodiscard]] bool equal_secrets(std::string_view a, std::string_view b);
/// `bytes` random ones, in hexadecimal digits.
[[nodiscard]] Result<std::string> random_secret(std::size_t bytes);

}  // namespace fcvm::api
