// GuestStream: bytes to and from a port of the guest, for one attempt: each wait ends at the
// attempt's own limit, at the verb's deadline, and on a cancel.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include <fcvm/sdk/call.hpp>
#include <fcvm/sdk/host.hpp>

namespace fcvm::readiness {

class GuestStream {
 public:
  /// A port on which the agent listens, past its greeting.
  [[nodiscard]] static Result<GuestStream> to_agent(const Host& host, std::uint32_t port,
                                                    const Call& call,
                                                    std::chrono::nanoseconds within);
  /// A TCP port of the guest: on its loopback, by way of the agent; and where nobody listens there,
  /// on its address, by way of the VM's network, if it has one. ECONNREFUSED: nobody at either.
  [[nodiscard]] static Result<GuestStream> to_tcp(const Host& host, std::uint16_t port,
                                                  const Call& call,
                                                  std::chrono::nanoseconds within);

  Result<void> send(std::string_view bytes);
  /// What comes next; empty at the end.
  Result<std::string> receive();

 private:
  GuestStream(Fd fd, const Call& call, std::int64_t until)
      : fd_(std::move(fd)), call_(&call), until_(until) {}

  [[nodiscard]] static Result<GuestStream> to_loopback(const Host& host, std::uint16_t port,
                                                       const Call& call,
                                                       std::chrono::nanoseconds within);
  Result<void> greet();
  Result<void> wait(short events) const;

  Fd fd_;
  const Call* call_;
  std::int64_t until_;
  std::string unread_;  // came with what was read before
};

}  // namespace fcvm::readiness
