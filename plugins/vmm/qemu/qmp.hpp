// Qmp: owns the connection to QEMU's monitor. One thread reads (on_readable), any thread asks.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>

#include <fcvm/result.hpp>
#include <fcvm/sdk/call.hpp>
#include <fcvm/sdk/fd.hpp>
#include <fcvm/vmm.h>

#include "plugins/vmm/qemu/binary.hpp"

namespace fcvm::qemu {

class Qmp {
 public:
  explicit Qmp(Fd socket);
  Qmp(const Qmp&) = delete;
  Qmp& operator=(const Qmp&) = delete;

  [[nodiscard]] int fd() const { return socket_.get(); }
  /// Takes what came. False once the monitor is closed.
  bool on_readable();
  /// Whoever waits is told that QEMU ended.
  void close();

  /// Greeting and capabilities; fails with EPIPE when QEMU ends meanwhile.
  Result<Version> negotiate(const Call& call);
  Result<void> stop(const Call& call);
  Result<void> cont(const Call& call);

  /// `bytes` are what is to be left to the guest.
  Result<void> balloon(std::uint64_t bytes, const Call& call);
  /// Has the guest report its memory every so often.
  Result<void> watch_balloon(std::chrono::seconds interval, const Call& call);
  /// All but the target, which QEMU does not tell.
  Result<fcvm_vm_balloon> query_balloon(std::uint64_t memory_bytes, const Call& call);

  /// The device state, without RAM, goes to the socket or comes from it. Both return once QEMU has
  /// begun; then the stream is the caller's to move, and await_state() tells how it went.
  Result<void> save_state(const Fd& socket, const Call& call);
  Result<void> load_state(const Fd& socket, const Call& call);
  Result<void> await_state(const Call& call);

  /// From the SHUTDOWN event: "guest-shutdown", "guest-reset", "guest-panic"...; "" before it.
  [[nodiscard]] std::string shutdown_reason() const;

 private:
  /// The answer, as JSON. `passed` travels with the question.
  Result<std::string> ask(const std::string& command, const std::string& arguments,
                          const Call& call, int passed = -1);
  Result<void> run(const std::string& command, const std::string& arguments, const Call& call,
                   int passed = -1);
  Result<void> pass_state_socket(const Fd& socket, const Call& call);
  Result<void> wait_for(const bool& what, const Fd& changed, const Call& call,
                        const std::string& doing);
  Result<void> write_line(const std::string& line, int passed, const Call& call);
  void take_line(const std::string& line);

  Fd socket_;
  Fd changed_;        // an eventfd: there is a greeting, an answer, or an end
  Fd state_changed_;  // likewise: a migration is over
  std::mutex command_mutex_;
  std::string incoming_;  // of the reading thread

  mutable std::mutex mutex_;
  bool greeted_ = false;
  bool answered_ = false;
  bool closed_ = false;
  bool state_over_ = false;
  bool state_failed_ = false;
  std::uint64_t last_id_ = 0;
  std::string answer_;
  std::string answer_error_;
  Version version_;
  std::string shutdown_reason_;
};

}  // namespace fcvm::qemu
