// See framing.hpp.
#include "core/base/io/framing.hpp"

#include <algorithm>
#include <utility>

namespace fcvm::base {

namespace {

Unexpected too_large(const char* doing, std::size_t size, std::size_t limit) {
  return fail(EMSGSIZE, std::string(doing) + " a frame of " + std::to_string(size) +
                            " bytes: at most " + std::to_string(limit) + " are allowed");
}

}  // namespace

Result<std::string> encode_frame(std::string_view payload, std::size_t max_size) {
  const std::size_t limit = std::min<std::size_t>(max_size, UINT32_MAX);
  if (payload.size() > limit) return too_large("sending", payload.size(), limit);
  std::string frame;
  frame.reserve(kFrameHeaderSize + payload.size());
  for (std::size_t i = 0; i < kFrameHeaderSize; ++i) {
    frame.push_back(static_cast<char>((payload.size() >> (8 * i)) & 0xff));
  }
  frame.append(payload);
  return frame;
}

Result<void> FrameReader::append(std::string_view bytes) {
  if (lost_) return fail(EPROTO, "receiving a frame: an earlier one was refused");
  while (!bytes.empty()) {
    if (header_size_ < kFrameHeaderSize) {
      header_[header_size_++] = static_cast<unsigned char>(bytes.front());
      bytes.remove_prefix(1);
      if (header_size_ == kFrameHeaderSize) FCVM_TRY(finish_header());
    } else {
      const std::size_t taken = std::min(wanted_ - partial_.size(), bytes.size());
      partial_.append(bytes.substr(0, taken));
      bytes.remove_prefix(taken);
    }
    if (header_size_ == kFrameHeaderSize && partial_.size() == wanted_) finish_frame();
  }
  return {};
}

std::optional<std::string> FrameReader::pop() {
  if (complete_.empty()) return std::nullopt;
  std::string frame = std::move(complete_.front());
  complete_.pop_front();
  return frame;
}

Result<void> FrameReader::finish_header() {
  wanted_ = 0;
  for (std::size_t i = 0; i < kFrameHeaderSize; ++i) {
    wanted_ |= static_cast<std::size_t>(header_[i]) << (8 * i);
  }
  if (wanted_ <= max_size_) return {};
  lost_ = true;
  return too_large("receiving", wanted_, max_size_);
}

void FrameReader::finish_frame() {
  complete_.push_back(std::exchange(partial_, {}));
  header_size_ = 0;
}

}  // namespace fcvm::base
