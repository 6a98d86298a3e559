// The raw frame of the output protocol; see output.hpp.
#include "core/wire/output.hpp"

namespace fcvm::wire {

std::string encode_stream_data(const StreamData& data) {
  std::string out(kFrameHeaderSize + kStreamDataHeader, '\0');
  put_frame_header(out.data(), kStreamDataType, kStreamDataHeader + data.bytes.size());
  put_u64(out.data() + kFrameHeaderSize, data.offset);
  out[kFrameHeaderSize + 8] = static_cast<char>(data.stream);
  out.append(data.bytes);
  return out;
}

Result<StreamData> decode_stream_data(const Frame& frame) {
  if (frame.type != kStreamDataType || frame.payload.size() < kStreamDataHeader) {
    return fail(EPROTO, "decoding a piece of a stream: it is cut off");
  }
  const auto stream = static_cast<std::uint8_t>(frame.payload[8]);
  const std::uint64_t offset = get_u64(frame.payload.data());
  const std::string_view bytes = frame.payload.substr(kStreamDataHeader);
  if (stream > static_cast<std::uint8_t>(Stream::kStderr) || offset > UINT64_MAX - bytes.size()) {
    return fail(EPROTO, "decoding a piece of a stream: no such stream or offset");
  }
  return StreamData{static_cast<Stream>(stream), offset, bytes};
}

}  // namespace fcvm::wire
