// Reading and writing the ABI's growing structs: both sides of the boundary use these.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <fcvm/abi.h>
#include <fcvm/result.hpp>

namespace fcvm {

/// A zeroed struct with its size filled in: how every ABI struct begins its life.
template <typename T>
[[nodiscard]] T sized() {
  static_assert(std::is_trivially_copyable_v<T>, "ABI structs are plain C");
  T fresh;
  std::memset(&fresh, 0, sizeof fresh);
  fresh.size = sizeof(T);
  return fresh;
}

/// What the other side filled in, as far as both sides know it; fields it does not have are zero.
template <typename T>
[[nodiscard]] T sized_copy(const T* from) {
  T copy = sized<T>();
  if (from != nullptr) {
    std::memcpy(&copy, from, std::min<std::size_t>(from->size, sizeof(T)));
    copy.size = sizeof(T);
  }
  return copy;
}

/// Gives the other side as much of `from` as its struct has room for.
template <typename T>
void sized_assign(T* to, const T& from) {
  const std::uint32_t room = to->size;
  std::memcpy(to, &from, std::min<std::size_t>(room, sizeof(T)));
  to->size = room;
}

/// The elements of an array of pointers to growing structs.
template <typename T>
[[nodiscard]] std::vector<T> sized_elements(const T* const* items, std::uint32_t count) {
  std::vector<T> copies;
  copies.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) copies.push_back(sized_copy(items[i]));
  return copies;
}

/// Fills in a descriptor that `bit` of `flags` announces; -1 is none.
inline void put_fd(std::uint32_t& flags, std::uint32_t bit, std::int32_t& field, int fd) {
  flags = fd < 0 ? flags & ~bit : flags | bit;
  field = fd < 0 ? 0 : fd;
}

/// A descriptor that `bit` of `flags` announces; -1 when it does not.
[[nodiscard]] inline int fd_of(std::uint32_t flags, std::uint32_t bit, std::int32_t field) {
  return (flags & bit) != 0 ? field : -1;
}

/// Copies text into a fixed array; false, and as many whole characters as fit, when not all do.
template <std::size_t N>
bool put_text(char (&field)[N], std::string_view text) {
  std::size_t length = std::min(text.size(), N - 1);
  const auto continues = [&](std::size_t at) {
    return (static_cast<unsigned char>(text[at]) & 0xc0u) == 0x80u;
  };
  while (length < text.size() && length > 0 && continues(length)) --length;
  std::memcpy(field, text.data(), length);
  field[length] = '\0';
  return length == text.size();
}

/// The text of a fixed array, whether or not the other side terminated it.
template <std::size_t N>
[[nodiscard]] std::string_view text_of(const char (&field)[N]) {
  return {field, strnlen(field, N)};
}

/// An Error as the ABI carries it; returns the verb's return value.
inline std::int32_t put_error(fcvm_error* out, const Error& error) {
  const std::int32_t code = error.code() > 0 ? -error.code() : -EIO;
  if (out != nullptr) {
    auto full = sized<fcvm_error>();
    full.code = code;
    put_text(full.message, error.message());
    put_text(full.remedy, error.remedy());
    sized_assign(out, full);
  }
  return code;
}

/// The Error that a failing verb left behind.
inline Error take_error(std::int32_t code, const fcvm_error& from) {
  const int number = code < 0 && code > INT32_MIN ? -code : EIO;
  std::string message(text_of(from.message));
  if (message.empty()) message = std::strerror(number);
  return Error(number, std::move(message), std::string(text_of(from.remedy)));
}

}  // namespace fcvm
