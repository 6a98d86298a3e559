// libFuzzer over both roles of the multiplexer: the first byte chooses the role and how the rest is
// cut. It must neither crash nor hold more than a Mux says it holds.
#include <cstdint>
#include <cstdlib>
#include <map>

#include "core/wire/mux.hpp"
#include "tests/support/mux_inside.hpp"

namespace {

using namespace fcvm::wire;

struct Owner : MuxEvents {
  Mux* mux = nullptr;
  std::map<MuxStreamId, std::size_t> held;
  void session_ended(const fcvm::Error&) override { held.clear(); }
  void opened(MuxStreamId stream, std::uint32_t port) override {
    port % 3 == 0 ? mux->refuse(stream) : mux->accept(stream);
  }
  void data(MuxStreamId stream, std::span<const char> bytes) override {
    held[stream] += bytes.size();
    if (held[stream] > Mux::kWindow) std::abort();
    if (bytes.size() % 2 != 0) mux->consumed(stream, std::exchange(held[stream], 0));
    (void)mux->send(stream, bytes);
  }
  void eof(MuxStreamId stream) override { mux->finish(stream); }
  void reset(MuxStreamId stream) override { held.erase(stream); }
  void writable(MuxStreamId) override {}
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size == 0) return 0;
  Owner owner;
  const bool host = (bytes[0] & 1) != 0;
  Mux mux(host ? Mux::Role::kHost : Mux::Role::kGuest, owner, [] { return 0x0101010101010101; });
  owner.mux = &mux;
  const std::size_t piece = bytes[0] / 2 + 1u;
  std::span<const char> left(reinterpret_cast<const char*>(bytes) + 1, size - 1);
  while (!left.empty()) {
    const auto some = left.first(std::min(piece, left.size()));
    left = left.subspan(some.size());
    mux.receive(some);
    if (host && MuxInside::in_session(mux)) (void)mux.open(1);
    if (MuxInside::streams(mux) > Mux::kMaxStreams) std::abort();
    if (bytes[0] % 5 != 0) mux.written(mux.output().size());
  }
  return 0;
}
