// Hellos as other versions of fcvm send them, byte by byte: what this one must understand or refuse
// whatever becomes of its own. Never to be made anew by its own encoder.
#pragma once

#include <string>
#include <string_view>

namespace fcvm::tests {

/// Bytes out of hexadecimal digits and blanks.
inline std::string from_hex(std::string_view text) {
  std::string bytes;
  int high = -1;
  for (const char c : text) {
    if (c == ' ') continue;
    const int digit = c <= '9' ? c - '0' : c - 'a' + 10;
    if (high >= 0) bytes += static_cast<char>(high * 16 + digit);
    high = high >= 0 ? -1 : digit;
  }
  return bytes;
}

/// This protocol's first version, as fcvm and fc-agent 0.1.0 said it.
constexpr std::string_view kHelloOfFirst =
    "36000000 0100 0000"
    " 0100 08000000 0100000000000000 0200 08000000 0100000000000000"
    " 0300 0a000000 6663766d20302e312e30 0400 00000000";

/// Of before there were versions: it offers 0 alone.
constexpr std::string_view kHelloOfOlder =
    "30000000 0100 0000"
    " 0100 08000000 0000000000000000 0200 08000000 0000000000000000"
    " 0300 0a000000 6663766d20302e302e31";

/// One that has given up version 1: 2 to 3, with fields that nobody knows yet.
constexpr std::string_view kHelloOfMuchNewer =
    "48000000 0100 0000"
    " 0100 08000000 0200000000000000 0200 08000000 0300000000000000"
    " 0300 0a000000 6663766d20392e302e30 0500 06000000 667574757265"
    " 6300 06000000 000102030405";

/// One that still speaks version 1: 1 to 7, with those fields.
constexpr std::string_view kHelloOfNewer =
    "48000000 0100 0000"
    " 0100 08000000 0100000000000000 0200 08000000 0700000000000000"
    " 0300 0a000000 6663766d20322e302e30 0500 06000000 667574757265"
    " 6300 06000000 000102030405";

}  // namespace fcvm::tests
