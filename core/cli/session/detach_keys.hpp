// DetachKeys: looks for the keys that leave a terminal session among those that are typed. Owns
// the beginning of a match, which is held back until it is decided.
#pragma once

#include <string>
#include <string_view>

#include <fcvm/result.hpp>

namespace fcvm::cli {

class DetachKeys {
 public:
  /// "ctrl-p,ctrl-q", as podman has it: single characters, or ctrl- with a-z or one of @[\]^_.
  /// Empty text: nothing detaches.
  [[nodiscard]] static Result<DetachKeys> parse(std::string_view text);

  struct Typed {
    std::string passed;  // what is not, and cannot become, part of the keys
    bool detached = false;
  };
  /// What follows the keys is dropped.
  [[nodiscard]] Typed feed(std::string_view typed);
  /// How much the next feed() may pass on besides what it is given.
  [[nodiscard]] std::size_t held() const { return held_.size(); }

 private:
  explicit DetachKeys(std::string keys) : keys_(std::move(keys)) {}

  std::string keys_;
  std::string held_;  // a beginning of keys_
};

}  // namespace fcvm::cli
