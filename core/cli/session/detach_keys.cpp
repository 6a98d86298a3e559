// See detach_keys.hpp.
#include "core/cli/session/detach_keys.hpp"

#include <cctype>
#include <optional>

#include <fmt/core.h>

namespace fcvm::cli {
namespace {

std::optional<char> key(std::string_view name) {
  if (name.size() == 1) return name.front();
  constexpr std::string_view kControl = "ctrl-";
  if (name.size() != kControl.size() + 1 || name.substr(0, kControl.size()) != kControl) {
    return std::nullopt;
  }
  const char letter = name.back();
  if (letter >= 'a' && letter <= 'z') return static_cast<char>(letter - 'a' + 1);
  if (letter >= '@' && letter <= '_' && std::isalpha(static_cast<unsigned char>(letter)) == 0) {
    return static_cast<char>(letter - '@');
  }
  return std::nullopt;
}

}  // namespace

Result<DetachKeys> DetachKeys::parse(std::string_view text) {
  std::string keys;
  while (!text.empty()) {
    const auto comma = text.find(',', 1);  // a comma may be a key itself
    const auto name = text.substr(0, comma);
    const auto found = key(name);
    if (!found) {
      return fail(EINVAL, fmt::format("--detach-keys: \"{}\" is not a key", name),
                  "name keys as in ctrl-p,ctrl-q or ctrl-], or give \"\" for none");
    }
    keys += *found;
    text = comma == std::string_view::npos ? "" : text.substr(comma + 1);
    if (comma != std::string_view::npos && text.empty()) {
      return fail(EINVAL, "--detach-keys: a key is missing behind the last comma");
    }
  }
  return DetachKeys(std::move(keys));
}

DetachKeys::Typed DetachKeys::feed(std::string_view typed) {
  if (keys_.empty()) return {std::string(typed), false};
  Typed result;
  for (const char c : typed) {
    held_ += c;
    // What is held shrinks from its front until the rest may still become the keys.
    while (keys_.compare(0, held_.size(), held_) != 0) {
      result.passed += held_.front();
      held_.erase(0, 1);
    }
    if (held_ == keys_) {
      held_.clear();
      result.detached = true;
      return result;
    }
  }
  return result;
}

}  // namespace fcvm::cli
