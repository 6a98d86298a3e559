// Text that a guest says, before it goes into a record, a log or a message.
#pragma once

#include <cstddef>
#include <string>

namespace fcvm::vm {

/// More of it helps nobody, and a guest says as much as a frame holds.
inline constexpr std::size_t kMostGuestText = 4096;

[[nodiscard]] inline std::string cut_guest_text(std::string text) {
  if (text.size() <= kMostGuestText) return text;
  std::size_t end = kMostGuestText;
  // Not in the middle of a character.
  while (end > kMostGuestText - 4 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  text.resize(end);
  return text + "... (cut)";
}

}  // namespace fcvm::vm
