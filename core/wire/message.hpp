// How a structure becomes the payload of a frame: fields of u16 tag | u32 length | bytes.
//
// A message lists its fields once, in fields(); Encoder and Decoder both walk that list. Unknown
// tags are skipped and missing ones keep their default, so either side may be the newer one.
// Numbers are little-endian, one to eight bytes; a list is a repeated tag; a structure nests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <fcvm/result.hpp>

#include "core/wire/frame.hpp"

namespace fcvm::wire {

/// Lists what a message consists of: FCVM_FIELDS(visit(1, self.name); visit(2, self.size);)
#define FCVM_FIELDS(...)                         \
  template <typename Self, typename Visit>       \
  static void fields(Self& self, Visit& visit) { \
    __VA_ARGS__                                  \
  }

class Encoder {
 public:
  template <typename T>
  void operator()(std::uint16_t tag, const T& value) {
    if constexpr (std::is_enum_v<T>) {
      put_number(tag, static_cast<std::uint64_t>(value));
    } else if constexpr (std::is_integral_v<T>) {
      put_number(tag, static_cast<std::uint64_t>(value));
    } else if constexpr (std::is_convertible_v<const T&, std::string_view>) {
      put_bytes(tag, value);
    } else {
      Encoder nested;
      T::fields(value, nested);
      put_bytes(tag, nested.bytes_);
    }
  }
  template <typename T>
  void operator()(std::uint16_t tag, const std::vector<T>& list) {
    for (const T& item : list) (*this)(tag, item);
  }
  template <typename T>
  void operator()(std::uint16_t tag, const std::optional<T>& value) {
    if (value) (*this)(tag, *value);
  }

  [[nodiscard]] std::string take() { return std::move(bytes_); }

 private:
  void put_bytes(std::uint16_t tag, std::string_view bytes);
  void put_number(std::uint16_t tag, std::uint64_t value);

  std::string bytes_;
};

class Decoder {
 public:
  /// More fields than this in one structure is an attack and no message.
  static constexpr std::size_t kMaxFields = 65536;

  explicit Decoder(std::string_view payload);

  template <typename T>
  void operator()(std::uint16_t tag, T& value) {
    for (const Field& field : fields_) {
      if (field.tag == tag) read(field, value);
    }
  }
  template <typename T>
  void operator()(std::uint16_t tag, std::vector<T>& list) {
    list.clear();
    for (const Field& field : fields_) {
      if (field.tag == tag) read(field, list.emplace_back());
    }
  }
  template <typename T>
  void operator()(std::uint16_t tag, std::optional<T>& value) {
    for (const Field& field : fields_) {
      if (field.tag == tag) read(field, value.emplace());
    }
  }

  /// What was wrong with it, if anything was.
  [[nodiscard]] Result<void> finish() const;

 private:
  struct Field {
    std::uint16_t tag;
    std::string_view bytes;
  };

  template <typename T>
  void read(const Field& field, T& value) {
    if constexpr (std::is_same_v<T, std::string>) {
      value = field.bytes;
    } else if constexpr (std::is_enum_v<T>) {
      value = static_cast<T>(number(field, std::numeric_limits<std::underlying_type_t<T>>::max()));
    } else if constexpr (std::is_same_v<T, bool>) {
      value = number(field, 1) != 0;
    } else if constexpr (std::is_signed_v<T>) {
      value = static_cast<T>(
          signed_number(field, std::numeric_limits<T>::min(), std::numeric_limits<T>::max()));
    } else if constexpr (std::is_integral_v<T>) {
      value = static_cast<T>(number(field, std::numeric_limits<T>::max()));
    } else {
      Decoder nested(field.bytes);
      T::fields(value, nested);
      if (nested.error_ != nullptr) error_ = nested.error_;
    }
  }
  std::uint64_t number(const Field& field, std::uint64_t most);
  std::int64_t signed_number(const Field& field, std::int64_t least, std::int64_t most);

  std::vector<Field> fields_;
  const char* error_ = nullptr;
};

/// A whole frame, header included, of a message that names its type (T::kType).
template <typename T>
[[nodiscard]] std::string encode(const T& message) {
  Encoder encoder;
  T::fields(message, encoder);
  std::string out;
  append_frame(out, T::kType, encoder.take());
  return out;
}

/// The message in a frame; fails with EPROTO when the frame is of another type or malformed.
template <typename T>
[[nodiscard]] Result<T> decode(const Frame& frame) {
  if (frame.type != T::kType) {
    return fail(EPROTO, "expected message " + std::to_string(T::kType) + ", and " +
                            std::to_string(frame.type) + " came");
  }
  T message;
  Decoder decoder(frame.payload);
  T::fields(message, decoder);
  FCVM_TRY(decoder.finish() | context("decoding message " + std::to_string(frame.type)));
  return message;
}

}  // namespace fcvm::wire
