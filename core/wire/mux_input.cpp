// How a Mux reads: the magic is looked for in every byte, what lies between goes through parse().
// Nothing is allocated here but the 256 streams that a host may have open.
#include <algorithm>
#include <cstring>

#include "core/wire/mux.hpp"

namespace fcvm::wire {

void Mux::receive(std::span<const char> bytes) {
  while (!bytes.empty()) {
    if (magic_matched_ == 0) {
      const std::size_t at = find_mux_magic(bytes);
      parse(bytes.first(at));
      magic_matched_ = std::min(bytes.size() - at, sizeof kMuxMagic);
      bytes = bytes.subspan(at + magic_matched_);
    } else if (bytes[0] == kMuxMagic[magic_matched_]) {
      ++magic_matched_;
      bytes = bytes.subspan(1);
    } else {
      // It only began like the magic: it was what the magic begins with.
      parse({kMuxMagic, std::exchange(magic_matched_, 0)});
    }
    if (magic_matched_ == sizeof kMuxMagic) on_magic();
  }
}

void Mux::parse(std::span<const char> bytes) {
  while (!bytes.empty()) {
    switch (expect_) {
      case Expect::kMagic:
        return;
      case Expect::kHello:
        bytes = gather(bytes, kMuxHelloBody);
        if (gathered_size_ == kMuxHelloBody) on_hello();
        break;
      case Expect::kHeader:
        bytes = gather(bytes, kMuxHeaderSize);
        if (gathered_size_ == kMuxHeaderSize) on_frame();
        break;
      case Expect::kPayload:
        bytes = bytes.subspan(parse_payload(bytes));
        break;
    }
  }
}

std::span<const char> Mux::gather(std::span<const char> bytes, std::size_t size) {
  const std::size_t count = std::min(bytes.size(), size - gathered_size_);
  std::memcpy(gathered_ + gathered_size_, bytes.data(), count);
  gathered_size_ += count;
  return bytes.subspan(count);
}

std::size_t Mux::parse_payload(std::span<const char> bytes) {
  const std::size_t count = std::min(bytes.size(), payload_left_);
  payload_left_ -= count;
  if (payload_left_ == 0) expect_ = Expect::kHeader;
  if (Stream* stream = live(payload_stream_)) {
    stream->held += count;
    events_.data(payload_stream_, bytes.first(count));
  }
  return count;
}

/// Half a frame, if there was one, is discarded here.
void Mux::on_magic() {
  magic_matched_ = 0;
  gathered_size_ = 0;
  expect_ = Expect::kHello;
}

void Mux::on_hello() {
  gathered_size_ = 0;
  expect_ = Expect::kMagic;
  const auto hello = get_mux_hello(gathered_);
  if (hello && role_ == Role::kHost) return on_hello_to_host(*hello);
  if (hello && hello->kind == MuxHelloKind::kHello) {
    end_session(Error(ECONNRESET, "the host began a new session"));
    nonce_ = hello->nonce;
    stage_hello(MuxHelloKind::kWelcome);
    return begin_session();
  }
  if (in_session_) violation("a hello that makes no sense");
}

void Mux::on_hello_to_host(const MuxHello& hello) {
  if (hello.kind == MuxHelloKind::kGreeting) {
    // The hello is on its way already, or was lost because nobody had opened the port.
    if (!in_session_ && !staged_.empty()) return;
    if (in_session_) nonce_ = nonces_();
    end_session(Error(ECONNRESET, "the guest's end began anew"));
    return stage_hello(MuxHelloKind::kHello);
  }
  const bool ours = hello.kind == MuxHelloKind::kWelcome && hello.nonce == nonce_;
  if (!in_session_ && ours) return begin_session();
  if (!in_session_) return;  // left over from an older session
  if (!ours) return violation("a hello that makes no sense");
  expect_ = Expect::kHeader;  // the answer to a hello that was sent twice
}

void Mux::begin_session() {
  in_session_ = true;
  expect_ = Expect::kHeader;
  events_.session_began();
}

void Mux::end_session(const Error& why) {
  const bool was_in_session = std::exchange(in_session_, false);
  const Streams old = std::exchange(streams_, {});
  expect_ = Expect::kMagic;
  gathered_size_ = 0;
  chunk_ = Chunk{};
  staged_ = {};
  turns_.clear();
  last_opened_ = 0;
  for (const auto& [id, stream] : old) {
    if (!stream.gone) events_.reset(id);
  }
  if (was_in_session) events_.session_ended(why);
}

void Mux::violation(const std::string& what) {
  end_session(Error(EPROTO, "the other end of the guest port broke the protocol: " + what));
  if (role_ == Role::kHost) nonce_ = nonces_();
  stage_hello(role_ == Role::kHost ? MuxHelloKind::kHello : MuxHelloKind::kGreeting);
}

void Mux::on_frame() {
  gathered_size_ = 0;
  const auto frame = get_mux_frame(gathered_);
  if (!frame) return violation("an unknown frame");
  if (frame->type == MuxFrameType::kNothing) return;
  if (frame->type == MuxFrameType::kOpen) return on_open(*frame);
  if (frame->stream == 0 || frame->stream > last_opened_) {
    return violation("a frame for a stream that never was");
  }
  on_stream_frame(*frame);
}

void Mux::on_open(MuxFrame frame) {
  if (role_ == Role::kHost) return violation("only the host opens streams");
  if (frame.stream <= last_opened_) return violation("a stream number used twice");
  if (streams_.size() >= kMaxStreams) return violation("too many streams");
  last_opened_ = frame.stream;
  streams_[frame.stream].port = frame.value;
  events_.opened(frame.stream, frame.value);
}

/// Frames for a stream that is gone were on their way when it went; they are passed over.
void Mux::on_stream_frame(MuxFrame frame) {
  const auto found = streams_.find(frame.stream);
  Stream* stream = found == streams_.end() ? nullptr : &found->second;
  if (frame.type == MuxFrameType::kData) return on_data(frame, stream);
  if (stream == nullptr) return;
  if (frame.type == MuxFrameType::kReset) {
    const bool told = stream->gone;
    drop(frame.stream);
    if (!told) events_.reset(frame.stream);
  } else if (frame.type == MuxFrameType::kEof) {
    on_eof(frame, *stream);
  } else if (stream->gone) {
    return;
  } else if (frame.type == MuxFrameType::kCredit) {
    on_credit(frame, *stream);
  } else {
    on_answer(frame, *stream);
  }
}

void Mux::on_answer(MuxFrame frame, Stream& stream) {
  if (role_ == Role::kGuest) return violation("only the guest accepts streams");
  if (stream.accepted || (stream.pending & kOpen) != 0)
    return violation("an answer to no question");
  if (frame.type == MuxFrameType::kRefuse) {
    drop(frame.stream);
    return events_.refused(frame.stream);
  }
  stream.accepted = true;
  stream.credit = kWindow;
  events_.accepted(frame.stream);
  if (Stream* still = live(frame.stream)) unblock(frame.stream, *still);
}

void Mux::on_data(MuxFrame frame, Stream* stream) {
  if (frame.value == 0 || frame.value > kMuxMaxData) return violation("data of a wrong size");
  if (stream != nullptr && !stream->gone) {
    if (!stream->accepted || stream->eof_received) return violation("data out of turn");
    if (frame.value > stream->window) return violation("more data than there is credit for");
    stream->window -= frame.value;
  }
  payload_stream_ = frame.stream;
  payload_left_ = frame.value;
  expect_ = Expect::kPayload;
}

void Mux::on_credit(MuxFrame frame, Stream& stream) {
  if (!stream.accepted || frame.value == 0) return violation("credit out of turn");
  if (frame.value > kWindow - stream.credit) return violation("more credit than was used");
  stream.credit += frame.value;
  unblock(frame.stream, stream);
}

void Mux::on_eof(MuxFrame frame, Stream& stream) {
  if (stream.gone) {
    stream.eof_received = true;
  } else {
    if (!stream.accepted || stream.eof_received) return violation("an end out of turn");
    stream.eof_received = true;
    events_.eof(frame.stream);
  }
  drop_if_done(frame.stream);
}

}  // namespace fcvm::wire
