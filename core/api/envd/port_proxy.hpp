// PortProxy: carries a request to a port of a sandbox, and then the answer back: once the program
// there goes over to another protocol, such as WebSockets, bytes both ways. What a client sends
// after its request may be for this server, and never reaches a guest. Owns the connections that it
// carries.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <string>

#include <fcvm/result.hpp>

#include "core/api/http/exchange.hpp"
#include "core/api/sandboxes/sandbox.hpp"
#include "core/base/loop/loop.hpp"
#include "core/vm/client/byte_pump.hpp"
#include "core/vm/store/store.hpp"

namespace fcvm::api {

/// The head of the request as the program in the sandbox gets it: without the credentials that are
/// not its business, and for this one request only, unless the connection becomes another protocol.
[[nodiscard]] std::string head_for_guest(const http::Request& request, std::uint16_t port,
                                         bool hides_authorization = false);

class PortProxy {
 public:
  PortProxy(base::Loop& loop, const vm::Store& store) : loop_(loop), store_(store) {}
  PortProxy(const PortProxy&) = delete;
  PortProxy& operator=(const PortProxy&) = delete;

  /// ECONNREFUSED when nobody listens there.
  Result<void> carry(http::Exchange& exchange, const Sandbox& sandbox, std::uint16_t port,
                     bool hides_authorization);

 private:
  using Pumps = std::list<std::unique_ptr<vm::BytePump>>;

  void begin(Fd client, Fd guest, std::string early, bool both_ways);

  base::Loop& loop_;
  const vm::Store& store_;
  std::atomic<std::size_t> carried_{0};
  Pumps pumps_;  // in the loop's thread
};

}  // namespace fcvm::api
