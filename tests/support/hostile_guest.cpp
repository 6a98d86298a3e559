// A guest that means harm, above the multiplexer: it listens where fc-agent does (the Unix sockets
// 5100 to 5102 in a directory), boots and starts a container as an honest one would, and then does
// what its second argument says.
//
//   hostile_guest DIRECTORY BEHAVIOUR
//
// Each word below is a behaviour. Where a stream has none of its own it is honest: control says
// Done to everything and does nothing, output attaches and is silent. So "idle" says Done and lives
// on. "unstarted" never says that its container runs.
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <unistd.h>

#include "core/base/io/fd.hpp"
#include "core/base/io/unix_socket.hpp"
#include "core/wire/control.hpp"
#include "core/wire/exec.hpp"
#include "core/wire/output.hpp"
#include "core/wire/ports.hpp"

namespace fcvm {
namespace {

constexpr std::size_t kHuge = 60 << 10;

class Stream {
 public:
  explicit Stream(Fd fd) : fd_(std::move(fd)) {}

  /// False once the host has closed it.
  template <typename Message>
  bool send(const Message& message) {
    return send_bytes(wire::encode(message));
  }
  bool send_bytes(const std::string& bytes) {
    return base::write_all(fd_.get(), bytes).has_value();
  }
  /// Nothing at the end.
  std::optional<wire::Frame> next() {
    for (;;) {
      const auto frame = frames_.next();
      if (!frame) return std::nullopt;
      if (*frame) return **frame;
      const auto count = base::read_some(fd_.get(), frames_.prepare(64 << 10));
      if (!count || *count == 0) return std::nullopt;
      frames_.commit(*count);
    }
  }
  void stay() {
    while (next()) {
    }
  }
  [[noreturn]] static void stay_without_reading() {
    for (;;) ::pause();
  }

 private:
  Fd fd_;
  wire::FrameBuffer frames_{8 << 20};
};

// --- control ---

std::uint64_t last_event = 0;

wire::Event event(wire::EventKind kind, std::int32_t code = 0) {
  wire::Event made;
  made.number = ++last_event;
  made.kind = kind;
  made.code = code;
  return made;
}

wire::Event huge(wire::EventKind kind) {
  auto made = event(kind);
  made.stage = made.text = std::string(kHuge / 2, '\x1b');
  return made;
}

void answer_everything(Stream& stream) {
  while (const auto frame = stream.next()) {
    // Every request has its id in its first field, as a Quiesce does.
    const auto request =
        wire::decode<wire::Quiesce>(wire::Frame{wire::Quiesce::kType, frame->payload});
    if (frame->type == wire::Attach::kType || !request) continue;
    if (!stream.send(wire::Done{request->id, 0, ""})) return;
  }
}

template <typename Make>
void flood(Stream& stream, Make make) {
  while (stream.send(make())) {
  }
}

using Act = std::function<void(Stream&)>;

const std::map<std::string, Act> kControlActs = {
    {"mute", [](Stream& stream) { stream.stay(); }},
    {"unread", [](Stream&) { Stream::stay_without_reading(); }},
    {"event-flood",
     [](Stream& stream) { flood(stream, [] { return huge(wire::EventKind::kProgress); }); }},
    {"started-flood",
     [](Stream& stream) { flood(stream, [] { return event(wire::EventKind::kStarted); }); }},
    {"kind-flood",
     [](Stream& stream) { flood(stream, [] { return huge(static_cast<wire::EventKind>(200)); }); }},
    {"done-flood",
     [](Stream& stream) {
       flood(stream, [] { return wire::Done{1, 5, std::string(kHuge, 'x')}; });
     }},
    {"exit-1000",
     [](Stream& stream) {
       stream.send(event(wire::EventKind::kExited, 1000));
       stream.stay();
     }},
    {"exit-minus",
     [](Stream& stream) {
       stream.send(event(wire::EventKind::kExited, -7));
       stream.stay();
     }},
    {"huge-failure",
     [](Stream& stream) {
       stream.send(huge(wire::EventKind::kFailed));
       stream.stay();
     }},
    {"exit-without-end",
     [](Stream& stream) {
       stream.send(event(wire::EventKind::kExited, 3));
       answer_everything(stream);
     }},
    {"control-flap", [](Stream&) {}},
};

void serve_control(Stream& stream, const std::string& behaviour, int connection) {
  if (behaviour == "late-unstarted") std::this_thread::sleep_for(std::chrono::seconds(2));
  stream.send(wire::Hello{});
  const auto act = kControlActs.find(behaviour);
  if (connection == 0) {
    while (const auto frame = stream.next()) {
      if (frame->type != wire::Boot::kType) continue;
      stream.send(wire::Done{wire::decode<wire::Boot>(*frame)->id, 0, ""});
      if (!behaviour.ends_with("unstarted")) stream.send(event(wire::EventKind::kStarted));
      break;
    }
  }
  if (act == kControlActs.end()) return answer_everything(stream);
  act->second(stream);
}

// --- output ---

const std::map<std::string, Act> kOutputActs = {
    {"end-flood",
     [](Stream& stream) {
       flood(stream, [] { return wire::OutputEnd{wire::Stream::kStdout, 0}; });
     }},
    {"attached-flood",
     [](Stream& stream) { flood(stream, [] { return wire::OutputAttached{}; }); }},
    {"limit-flood",
     [](Stream& stream) {
       flood(stream, [at = std::uint64_t{1 << 20}]() mutable { return wire::StdinLimit{++at}; });
     }},
    {"refusal-flood",
     [](Stream& stream) {
       flood(stream, [] { return wire::Refusal{5, std::string(kHuge, 'x')}; });
     }},
    {"wrong-offset",
     [](Stream& stream) {
       stream.send_bytes(wire::encode_stream_data({wire::Stream::kStdout, UINT64_MAX - 2, "xxxx"}));
       stream.stay();
     }},
    {"empty-flood",
     [](Stream& stream) {
       const auto empty = wire::encode_stream_data({wire::Stream::kStdout, 0, ""});
       while (stream.send_bytes(empty)) {
       }
     }},
    {"crumb-flood",
     [](Stream& stream) {
       for (std::uint64_t at = 0;;) {
         std::string crumbs;
         for (int i = 0; i < 1000; ++i) {
           crumbs += wire::encode_stream_data({wire::Stream::kStdout, at++, "\n"});
         }
         if (!stream.send_bytes(crumbs)) return;
       }
     }},
    {"output-flap", [](Stream&) {}},
};

/// Honest output without an end, as fast as it is taken.
void chatter(Stream& stream, std::uint64_t from) {
  std::string block;
  while (block.size() < wire::kMaxOutputData) block += "what a container says, line by line\n";
  block.resize(wire::kMaxOutputData);
  while (stream.send_bytes(wire::encode_stream_data({wire::Stream::kStdout, from, block}))) {
    from += block.size();
  }
}

void serve_output(Stream& stream, const std::string& behaviour) {
  if (behaviour == "output-deaf") return stream.stay();
  stream.send(wire::Hello{});
  std::uint64_t from = 0;
  while (const auto frame = stream.next()) {
    if (frame->type != wire::OutputAttach::kType) continue;
    from = wire::decode<wire::OutputAttach>(*frame)->stdout_from;
    break;
  }
  const std::uint64_t grant = behaviour == "grant-moon" ? UINT64_MAX : 1 << 20;
  stream.send(wire::OutputAttached{from, 0, 0, grant});
  if (behaviour == "chatter") return chatter(stream, from);
  const auto act = kOutputActs.find(behaviour);
  if (act == kOutputActs.end()) return stream.stay();
  act->second(stream);
}

/// A command that may be given a gigabyte, and takes nothing.
void serve_exec(Stream& stream, const std::string& behaviour) {
  if (behaviour != "exec-deaf") return;
  stream.send(wire::Hello{});
  while (const auto frame = stream.next()) {
    if (frame->type != wire::ExecRequest::kType) continue;
    stream.send(wire::ExecAck{wire::decode<wire::ExecRequest>(*frame)->id, 1 << 30, "not at all"});
    Stream::stay_without_reading();
  }
}

[[noreturn]] void listen_on(const std::string& directory, std::uint32_t port,
                            const std::function<void(Stream&, int)>& serve) {
  const auto listener = base::listen_unix(directory + "/" + std::to_string(port));
  if (!listener) std::exit(1);
  for (int connection = 0;; ++connection) {
    auto fd = base::accept_connection(listener->get());
    if (!fd) std::exit(1);
    std::thread([serve, connection, raw = fd->release()] {
      Stream stream{Fd(raw)};
      serve(stream, connection);
    }).detach();
  }
}

}  // namespace
}  // namespace fcvm

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  std::signal(SIGPIPE, SIG_IGN);
  const std::string directory = argv[1];
  const std::string behaviour = argv[2];
  std::thread([&] {
    fcvm::listen_on(directory, fcvm::wire::kOutputPort,
                    [&](fcvm::Stream& stream, int) { fcvm::serve_output(stream, behaviour); });
  }).detach();
  std::thread([&] {
    fcvm::listen_on(directory, fcvm::wire::kExecPort,
                    [&](fcvm::Stream& stream, int) { fcvm::serve_exec(stream, behaviour); });
  }).detach();
  fcvm::listen_on(directory, fcvm::wire::kControlPort, [&](fcvm::Stream& stream, int connection) {
    fcvm::serve_control(stream, behaviour, connection);
  });
}
