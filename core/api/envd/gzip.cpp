// See gzip.hpp.
#include "core/api/envd/gzip.hpp"

#include <new>
#include <zlib.h>

namespace fcvm::api::envd {
namespace {

/// zlib's largest window, and a gzip around it.
constexpr int kGzipWindow = 15 + 16;
constexpr int kMemory = 8;
/// The network to a local client is no slower than this.
constexpr int kLevel = Z_BEST_SPEED;

Bytef* bytes_at(const char* text) { return reinterpret_cast<Bytef*>(const_cast<char*>(text)); }

}  // namespace

struct Inflated::State {
  State() {
    if (::inflateInit2(&stream, kGzipWindow) != Z_OK) throw std::bad_alloc();
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { ::inflateEnd(&stream); }

  z_stream stream{};
  bool between_members = true;
};

Inflated::Inflated(ByteSource source)
    : source_(std::move(source)), input_(kPiece, '\0'), state_(std::make_unique<State>()) {}
Inflated::Inflated(Inflated&&) noexcept = default;
Inflated& Inflated::operator=(Inflated&&) noexcept = default;
Inflated::~Inflated() = default;

Result<std::size_t> Inflated::read(std::span<char> into) {
  z_stream& stream = state_->stream;
  stream.next_out = bytes_at(into.data());
  stream.avail_out = static_cast<uInt>(into.size());
  while (stream.avail_out == into.size()) {
    if (stream.avail_in == 0) {
      const auto got = FCVM_TRY(source_(input_));
      if (got == 0 && state_->between_members) return std::size_t{0};
      if (got == 0) return fail(EINVAL, "the gzip is cut off");
      stream.next_in = bytes_at(input_.data());
      stream.avail_in = static_cast<uInt>(got);
    }
    state_->between_members = false;
    const int done = ::inflate(&stream, Z_NO_FLUSH);
    if (done == Z_MEM_ERROR) return fail(ENOMEM, "unpacking a gzip");
    if (done != Z_OK && done != Z_STREAM_END && done != Z_BUF_ERROR) {
      return fail(EINVAL, "the body is said to be a gzip, and is none");
    }
    if (done == Z_STREAM_END) {
      ::inflateReset(&stream);
      state_->between_members = true;
    }
  }
  return into.size() - stream.avail_out;
}

struct Deflater::State {
  State() {
    if (::deflateInit2(&stream, kLevel, Z_DEFLATED, kGzipWindow, kMemory, Z_DEFAULT_STRATEGY) !=
        Z_OK) {
      throw std::bad_alloc();
    }
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { ::deflateEnd(&stream); }

  z_stream stream{};
};

Deflater::Deflater(Sink sink) : sink_(std::move(sink)), state_(std::make_unique<State>()) {}
Deflater::~Deflater() = default;

Result<void> Deflater::deflate(std::string_view bytes, int flush) {
  z_stream& stream = state_->stream;
  stream.next_in = bytes_at(bytes.data());
  stream.avail_in = static_cast<uInt>(bytes.size());
  std::string output(kPiece, '\0');
  do {
    stream.next_out = bytes_at(output.data());
    stream.avail_out = static_cast<uInt>(output.size());
    ::deflate(&stream, flush);
    const std::size_t made = output.size() - stream.avail_out;
    if (made > 0) FCVM_TRY(sink_(std::string_view(output).substr(0, made)));
  } while (stream.avail_out == 0);
  return {};
}

Result<void> Deflater::write(std::string_view bytes) { return deflate(bytes, Z_NO_FLUSH); }
Result<void> Deflater::finish() { return deflate({}, Z_FINISH); }

}  // namespace fcvm::api::envd
