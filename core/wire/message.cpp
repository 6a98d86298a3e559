// The parts of the codec that do not depend on the message; see message.hpp.
#include "core/wire/message.hpp"

namespace fcvm::wire {
namespace {

constexpr std::size_t kFieldHeader = 6;

std::uint64_t little_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i > 0; --i) {
    value = value << 8 | static_cast<unsigned char>(bytes[i - 1]);
  }
  return value;
}

void append_le(std::string& out, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
}

}  // namespace

void Encoder::put_bytes(std::uint16_t tag, std::string_view bytes) {
  append_le(bytes_, tag, 2);
  append_le(bytes_, bytes.size(), 4);
  bytes_.append(bytes);
}

void Encoder::put_number(std::uint16_t tag, std::uint64_t value) {
  char bytes[8];
  put_u64(bytes, value);
  std::size_t used = 8;
  while (used > 1 && bytes[used - 1] == 0) --used;
  put_bytes(tag, {bytes, used});
}

Decoder::Decoder(std::string_view payload) {
  while (!payload.empty()) {
    if (payload.size() < kFieldHeader) {
      error_ = "a field is cut off";
      return;
    }
    const auto tag = static_cast<std::uint16_t>(little_endian(payload.substr(0, 2)));
    const std::uint64_t length = little_endian(payload.substr(2, 4));
    payload.remove_prefix(kFieldHeader);
    if (length > payload.size()) {
      error_ = "a field is longer than its message";
      return;
    }
    if (fields_.size() == kMaxFields) {
      error_ = "there are too many fields";
      return;
    }
    fields_.push_back({tag, payload.substr(0, length)});
    payload.remove_prefix(length);
  }
}

Result<void> Decoder::finish() const {
  if (error_ != nullptr) return fail(EPROTO, error_);
  return {};
}

std::uint64_t Decoder::number(const Field& field, std::uint64_t most) {
  if (field.bytes.empty() || field.bytes.size() > 8) {
    error_ = "a number is not of one to eight bytes";
    return 0;
  }
  const std::uint64_t value = little_endian(field.bytes);
  if (value <= most) return value;
  error_ = "a number is out of range";
  return 0;
}

std::int64_t Decoder::signed_number(const Field& field, std::int64_t least, std::int64_t most) {
  const auto value = static_cast<std::int64_t>(number(field, UINT64_MAX));
  if (value >= least && value <= most) return value;
  error_ = "a number is out of range";
  return 0;
}

}  // namespace fcvm::wire
