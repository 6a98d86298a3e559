// Cutting a stream of bytes into frames; see frame.hpp.
#include "core/wire/frame.hpp"

#include <cstring>

namespace fcvm::wire {
namespace {

void put_le(char* to, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) to[i] = static_cast<char>(value >> (8 * i));
}

std::uint64_t get_le(const char* from, int bytes) {
  std::uint64_t value = 0;
  for (int i = 0; i < bytes; ++i) {
    value |= std::uint64_t{static_cast<unsigned char>(from[i])} << (8 * i);
  }
  return value;
}

// The length counts the type and the two zero bytes.
constexpr std::size_t kCountedHeader = 4;

}  // namespace

void put_u64(char* to, std::uint64_t value) { put_le(to, value, 8); }
std::uint64_t get_u64(const char* from) { return get_le(from, 8); }

void put_frame_header(char* to, std::uint16_t type, std::size_t payload_size) {
  put_le(to, payload_size + kCountedHeader, 4);
  put_le(to + 4, type, 2);
  put_le(to + 6, 0, 2);
}

void append_frame(std::string& out, std::uint16_t type, std::string_view payload) {
  char header[kFrameHeaderSize];
  put_frame_header(header, type, payload.size());
  out.append(header, sizeof header).append(payload);
}

std::span<char> FrameBuffer::prepare(std::size_t size) {
  if (begin_ == end_) begin_ = end_ = 0;
  if (end_ + size > bytes_.size() && begin_ > 0) {
    std::memmove(bytes_.data(), bytes_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ + size > bytes_.size()) bytes_.resize(end_ + size);
  return {bytes_.data() + end_, size};
}

void FrameBuffer::commit(std::size_t size) { end_ += size; }

void FrameBuffer::append(std::string_view bytes) {
  if (bytes.empty()) return;
  std::memcpy(prepare(bytes.size()).data(), bytes.data(), bytes.size());
  commit(bytes.size());
}

Result<std::optional<Frame>> FrameBuffer::next() {
  const std::size_t have = end_ - begin_;
  if (have < kFrameHeaderSize) return std::optional<Frame>{};
  const char* header = bytes_.data() + begin_;
  const std::uint64_t length = get_le(header, 4);
  if (length < kCountedHeader || get_le(header + 6, 2) != 0) {
    return fail(EPROTO, "reading a frame: its header is malformed");
  }
  const std::size_t payload = length - kCountedHeader;
  if (payload > max_payload_) {
    return fail(EMSGSIZE, "reading a frame: " + std::to_string(payload) + " bytes, and " +
                              std::to_string(max_payload_) + " is the most there may be");
  }
  if (have < kFrameHeaderSize + payload) return std::optional<Frame>{};
  begin_ += kFrameHeaderSize + payload;
  const auto type = static_cast<std::uint16_t>(get_le(header + 4, 2));
  return std::optional(Frame{type, {header + kFrameHeaderSize, payload}});
}

std::string FrameBuffer::take_rest() {
  std::string rest = bytes_.substr(begin_, end_ - begin_);
  begin_ = end_ = 0;
  return rest;
}

}  // namespace fcvm::wire
