// Two ends of a Mux and an owner for each that keeps what it is told; the port between them is a
// pair of strings that a test may cut, delay and corrupt.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/wire/mux.hpp"
#include "tests/support/mux_inside.hpp"

namespace fcvm::wire::test {

struct Owner : MuxEvents {
  struct Got {
    std::string data;
    bool accepted = false, refused = false, eof = false, reset = false, writable = false;
    std::uint32_t port = 0;
  };
  Mux* mux = nullptr;
  bool answer_open = true;  // accept, except ports from 9000 on
  bool consume = true;
  int sessions = 0, ended = 0;
  int last_code = 0;
  std::string last_error;
  std::map<MuxStreamId, Got> streams;

  void session_began() override { ++sessions; }
  void session_ended(const Error& why) override {
    ++ended;
    last_code = why.code();
    last_error = why.message();
  }
  void opened(MuxStreamId stream, std::uint32_t port) override {
    streams[stream] = {};
    streams[stream].port = port;
    if (answer_open) port < 9000 ? mux->accept(stream) : mux->refuse(stream);
  }
  void accepted(MuxStreamId stream) override { streams[stream].accepted = true; }
  void refused(MuxStreamId stream) override { streams[stream].refused = true; }
  void data(MuxStreamId stream, std::span<const char> bytes) override {
    streams[stream].data.append(bytes.data(), bytes.size());
    if (consume) mux->consumed(stream, bytes.size());
  }
  void eof(MuxStreamId stream) override { streams[stream].eof = true; }
  void reset(MuxStreamId stream) override { streams[stream].reset = true; }
  void writable(MuxStreamId stream) override { streams[stream].writable = true; }
};

inline std::string take_output(Mux& mux, std::size_t limit = SIZE_MAX) {
  std::string taken;
  for (auto out = mux.output(); !out.empty() && taken.size() < limit; out = mux.output()) {
    const std::size_t count = std::min(out.size(), limit - taken.size());
    taken.append(out.data(), count);
    mux.written(count);
  }
  return taken;
}

inline void feed(Mux& mux, const std::string& bytes) { mux.receive({bytes.data(), bytes.size()}); }

struct Pair {
  Owner host_owner, guest_owner;
  std::uint64_t nonce = 1;
  Mux::NonceSource nonces = [this] { return nonce++ * 0x9e3779b97f4a7c15ULL; };
  Mux host{Mux::Role::kHost, host_owner, nonces};
  Mux guest{Mux::Role::kGuest, guest_owner, nonces};
  Pair() {
    host_owner.mux = &host;
    guest_owner.mux = &guest;
  }
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;

  bool step() {
    const std::string down = take_output(host);
    const std::string up = take_output(guest);
    feed(guest, down);
    feed(host, up);
    return !down.empty() || !up.empty();
  }
  void settle() {
    while (step()) {
    }
  }
  MuxStreamId connect(std::uint32_t port = 1) {
    settle();
    const auto id = host.open(port);
    settle();
    return id ? *id : 0;
  }
};

inline std::span<const char> bytes_of(const std::string& text) {
  return {text.data(), text.size()};
}

inline std::string frame_bytes(MuxFrameType type, std::uint32_t stream, std::uint32_t value) {
  std::string header(kMuxHeaderSize, '\0');
  put_mux_frame(header.data(), {type, stream, value});
  return header;
}

inline std::string hello_bytes(MuxHelloKind kind, std::uint64_t nonce) {
  std::string hello(kMuxHelloSize, '\0');
  put_mux_hello(hello.data(), {kind, kMuxVersion, nonce});
  return hello;
}

}  // namespace fcvm::wire::test
