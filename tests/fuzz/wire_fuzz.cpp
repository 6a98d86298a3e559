// What a hostile guest (or host) can send: frames, and every message in them.
//
// The first byte chooses the limit of the frames; the rest is the stream.
#include <cstddef>
#include <cstdint>

#include "core/wire/control.hpp"
#include "core/wire/exec.hpp"
#include "core/wire/files.hpp"
#include "core/wire/forward.hpp"
#include "core/wire/output.hpp"

namespace fcvm::wire {
namespace {

template <typename T>
void try_message(const Frame& frame) {
  // The type is the fuzzer's to find; the codec under it is worth more of its time.
  static_cast<void>(decode<T>(Frame{T::kType, frame.payload}));
}

template <typename... Ts>
void try_messages(const Frame& frame) {
  (try_message<Ts>(frame), ...);
}

}  // namespace
}  // namespace fcvm::wire

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace fcvm::wire;
  if (size == 0) return 0;
  FrameBuffer buffer(data[0] * std::size_t{256});
  buffer.append({reinterpret_cast<const char*>(data) + 1, size - 1});
  for (;;) {
    const auto frame = buffer.next();
    if (!frame || !frame.value()) return 0;
    try_messages<Hello, Refusal, Event, Attach, Boot, Resumed, Done, OutputAttach, OutputAttached,
                 OutputAck, ExecRequest, ExecExit, ExecFailed, FileEntry, FileEvent, FileFailure,
                 ForwardReply>(**frame);
    static_cast<void>(decode_stream_data(Frame{kStreamDataType, frame.value()->payload}));
  }
}
