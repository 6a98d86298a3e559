// Relay: owns the host's end of the guest port, the guest socket and the thread that carries bytes
// between them and the streams it hands out.
//
// The thread also reads QEMU's monitor, so that events are seen as they come. It never waits but in
// poll(), holds at most a window of bytes for each stream, and reads from a stream only what the
// guest has room for: a guest that floods or stalls costs no memory.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <poll.h>
#include <string>
#include <thread>
#include <vector>

#include <fcvm/result.hpp>
#include <fcvm/sdk/call.hpp>
#include <fcvm/sdk/fd.hpp>
#include <fcvm/sdk/host.hpp>

#include "core/base/pace.hpp"
#include "core/wire/mux.hpp"
#include "plugins/vmm/qemu/qmp.hpp"

namespace fcvm::qemu {

class Relay final : private wire::MuxEvents {
 public:
  /// `listener`, the guest socket, may be empty; `pidfd` is borrowed, as is `qmp`.
  Relay(const Host& host, Fd port, Fd listener, Qmp& qmp, int pidfd);
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;
  ~Relay() override;

  Result<void> start();
  /// A stream to a guest port; ECONNREFUSED when nobody listens, ESRCH when QEMU has ended.
  Result<Fd> dial(std::uint32_t port, const Call& call);
  /// True once QEMU has ended and all it said was read.
  bool wait_ended(std::chrono::milliseconds patience);

 private:
  using Id = wire::MuxStreamId;

  /// A dial() that waits; its fields belong to mutex_.
  struct Dial {
    explicit Dial(std::uint32_t to) : port(to), done(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
    const std::uint32_t port;
    const Fd done;
    bool answered = false;
    bool abandoned = false;
    int code = 0;
    Fd fd;
  };

  /// Who is on this side of a stream: a dial until it was answered, a client of the guest socket.
  struct Stream {
    Fd fd;
    std::shared_ptr<Dial> dial;
    std::string pending;  // from the guest, not yet taken by our reader
    std::size_t pending_from = 0;
    bool accepted = false;
    bool blocked = false;  // the guest has no room
    bool read_closed = false;
    bool hung_up = false;
    bool guest_eof = false;
    bool dead = false;  // reset by the guest: only `pending` is left to deliver
    [[nodiscard]] std::size_t left() const { return pending.size() - pending_from; }
  };
  struct Client {
    Fd fd;
    std::string line;
  };
  struct Watch {
    enum What { kWake, kProcess, kMonitor, kPort, kListener, kClient, kStream } what;
    std::uint32_t id;
  };

  // relay.cpp: the thread
  void run();
  void loop();
  void watch(int fd, short events, Watch::What what, std::uint32_t id = 0);
  void watch_all();
  void on_event(const Watch& watch, short events);
  void read_port();
  void write_port();
  void spend(std::size_t received, std::size_t delivered);
  [[nodiscard]] base::Deadline may_read() const {
    return read_again_.expired() ? useless_.ready() : read_again_;
  }
  void port_gone();
  void on_process_ended();
  void take_requests();
  void wake();
  void answer(Dial& dial, int code, Fd fd = {});
  void finish();

  // relay_clients.cpp: the guest socket
  void accept_client();
  void read_client(std::uint32_t id);
  bool connect_client(Client& client);

  // relay_streams.cpp: between streams and the multiplexer
  void session_began() override;
  void session_ended(const Error& why) override;
  void opened(Id, std::uint32_t) override {}
  void accepted(Id id) override;
  void refused(Id id) override;
  void data(Id id, std::span<const char> bytes) override;
  void eof(Id id) override;
  void reset(Id id) override;
  void writable(Id id) override;
  void on_stream(Id id, short events);
  void read_stream(Id id, Stream& stream);
  void flush_stream(Id id);
  void settle(Id id);
  void break_stream(Id id);
  void give_up(Id id, int code);
  static short wanted(const Stream& stream);

  const Host host_;
  Fd port_;
  const Fd listener_;
  Qmp& qmp_;
  const int pidfd_;
  const Fd wake_;
  std::unique_ptr<char[]> buffer_;

  // of the thread
  wire::Mux mux_;
  std::map<Id, Stream> streams_;
  std::map<std::uint32_t, Client> clients_;
  std::uint32_t last_client_ = 0;
  bool monitor_open_ = true;
  bool process_ended_ = false;
  bool no_descriptors_ = false;
  // A guest that breaks its sessions, or sends what is for nobody, is read only now and then.
  base::RedialPause session_pause_;
  base::Deadline read_again_ = base::Deadline::at_ns(0);
  base::FrameBudget useless_{1024, 4096};  // of kUseless bytes each
  std::size_t useless_bytes_ = 0;
  std::size_t delivered_ = 0;
  base::Repetition breaches_;
  std::vector<pollfd> polled_;
  std::vector<Watch> watched_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::shared_ptr<Dial>> requests_;
  bool ended_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace fcvm::qemu
