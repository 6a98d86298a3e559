// How a Mux writes: one stretch at a time is staged, a hello before all else, then the streams in
// turn, each with its control frames or with one chunk of its data.
#include "core/wire/mux.hpp"

namespace fcvm::wire {

std::span<const char> Mux::output() {
  while (staged_.empty() && stage_next()) {
  }
  return staged_;
}

void Mux::written(std::size_t count) {
  staged_ = staged_.subspan(count);
  if (!staged_.empty() || !chunk_.bytes) return;
  if (chunk_next_ < chunk_.end) return stage_part(chunk_stream_);
  chunk_ = Chunk{};
  if (Stream* stream = live(chunk_stream_)) unblock(chunk_stream_, *stream);
}

/// Whatever was half written is abandoned: the magic tells the peer so.
void Mux::stage_hello(MuxHelloKind kind) {
  chunk_ = Chunk{};
  put_mux_hello(control_, {kind, kMuxVersion, nonce_});
  staged_ = {control_, kMuxHelloSize};
}

bool Mux::stage_next() {
  if (turns_.empty()) return false;
  const MuxStreamId id = turns_.front();
  turns_.pop_front();
  const auto found = streams_.find(id);
  if (found == streams_.end()) return true;
  Stream& stream = found->second;
  stream.in_turn = false;
  const bool only_eof_waits = stream.pending == kEof && !stream.chunks.empty();
  if (stream.pending != 0 && !only_eof_waits) {
    stage_control(id, stream);
  } else if (!stream.chunks.empty()) {
    stage_data(id, stream);
  }
  return true;
}

void Mux::put_control(MuxFrameType type, MuxStreamId id, std::uint32_t value) {
  put_mux_frame(control_ + control_size_, {type, id, value});
  control_size_ += kMuxHeaderSize;
}

void Mux::stage_control(MuxStreamId id, Stream& stream) {
  control_size_ = 0;
  const unsigned pending = std::exchange(stream.pending, 0);
  if ((pending & kOpen) != 0) put_control(MuxFrameType::kOpen, id, stream.port);
  if ((pending & kAccept) != 0) put_control(MuxFrameType::kAccept, id, 0);
  if ((pending & kRefuse) != 0) put_control(MuxFrameType::kRefuse, id, 0);
  if ((pending & kReset) != 0) put_control(MuxFrameType::kReset, id, 0);
  if ((pending & kCredit) != 0) {
    stream.window += stream.given_back;
    put_control(MuxFrameType::kCredit, id, static_cast<std::uint32_t>(stream.given_back));
    stream.given_back = 0;
  }
  if ((pending & kEof) != 0) {
    if (stream.chunks.empty()) {
      put_control(MuxFrameType::kEof, id, 0);
      stream.eof_written = true;
    } else {
      stream.pending |= kEof;
    }
  }
  staged_ = {control_, control_size_};
  if (stream.gone) return drop(id);
  if (stream.pending != 0 || !stream.chunks.empty()) take_turn(id, stream);
  drop_if_done(id);
}

void Mux::stage_data(MuxStreamId id, Stream& stream) {
  chunk_ = std::move(stream.chunks.front());
  stream.chunks.pop_front();
  stream.queued -= chunk_.end - chunk_.begin;
  if (stream.pending != 0 || !stream.chunks.empty()) take_turn(id, stream);
  chunk_stream_ = id;
  chunk_next_ = chunk_.begin;
  if (chunk_next_ < chunk_.end) stage_part(id);
}

/// One frame of the chunk: all that is left of it, unless the magic is in there. The header goes
/// where the payload before it has been written already.
void Mux::stage_part(MuxStreamId id) {
  const std::span<char> left{chunk_.bytes.get() + chunk_next_, chunk_.end - chunk_next_};
  const std::size_t magic = find_mux_magic(left);
  const bool cut = left.size() - magic >= sizeof kMuxMagic;
  const std::size_t size = cut ? magic + sizeof kMuxMagic - 1 : left.size();
  char* header = left.data() - kMuxHeaderSize;
  put_mux_frame(header, {MuxFrameType::kData, id, static_cast<std::uint32_t>(size)});
  staged_ = {header, kMuxHeaderSize + size};
  chunk_next_ += size;
  if (!cut && magic < left.size()) {
    // The peer must not go on waiting for the rest of a magic that never comes.
    put_mux_frame(chunk_.bytes.get() + chunk_.end, {MuxFrameType::kNothing, 0, 0});
    staged_ = {header, 2 * kMuxHeaderSize + size};
  }
}

}  // namespace fcvm::wire
