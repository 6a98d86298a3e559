// Service: what answers a request: finds its route, checks its credential, counts it. Owns the
// routes.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include <fcvm/result.hpp>

#include "core/api/auth/tokens.hpp"
#include "core/api/envd/port_proxy.hpp"
#include "core/api/envd/processes.hpp"
#include "core/api/http/exchange.hpp"
#include "core/api/router.hpp"
#include "core/api/sandboxes/sandboxes.hpp"

namespace fcvm::api {

/// The port of the data plane's own procedures; any other is a program's in the sandbox.
inline constexpr std::uint16_t kEnvdPort = 49983;

/// What a request says it is about: by E2b-Sandbox-Id and E2b-Sandbox-Port, or by a Host such as
/// 3000-ID.example.com. EINVAL for a port that is none.
struct Target {
  std::string sandbox;
  std::uint16_t port = kEnvdPort;
};
[[nodiscard]] Result<std::optional<Target>> target_of(const http::Request& request);

/// "Authorization: Basic" with a name and no password is how clients say whom they want to be in
/// the sandbox; empty where they do not.
[[nodiscard]] std::string user_of(const http::Request& request);

/// Whether a request to a server without tokens comes from a page of another site in somebody's
/// browser, or has reached it under a name that is not this machine's.
[[nodiscard]] bool is_foreign(const http::Request& request, std::string_view domain = {});

class Service {
 public:
  struct Setup {
    Tokens tokens;
    bool open = false;  // to whoever reaches it: no token is asked for
    Sandboxes& sandboxes;
    Processes& processes;
    PortProxy& ports;
    std::string domain{};
    /// Whether it takes new work.
    std::function<bool()> is_ready{};
  };
  explicit Service(Setup setup);
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  [[nodiscard]] const Router& router() const { return router_; }

  void handle(http::Exchange& exchange);

 private:
  Result<void> dispatch_caught(http::Exchange& exchange);
  Result<void> dispatch(http::Exchange& exchange);
  Result<void> dispatch_control(http::Exchange& exchange);
  Result<void> dispatch_sandbox(http::Exchange& exchange, const Target& target);
  Result<void> carry(http::Exchange& exchange, const Sandbox& sandbox, std::uint16_t port);
  Result<void> no_route(http::Exchange& exchange, const Router::Found& found);
  [[nodiscard]] std::optional<Owner> owner_of(const http::Request& request) const;
  [[nodiscard]] bool may_enter(const http::Request& request, const Sandbox& sandbox) const;
  [[nodiscard]] std::vector<Route> own_routes();
  [[nodiscard]] std::string prometheus() const;

  const Setup setup_;
  Router router_;
  std::array<std::atomic<std::uint64_t>, 6> answers_{};  // by the first digit of the status
  std::atomic<std::uint64_t> answer_ns_{0};
  std::atomic<std::size_t> in_sandboxes_{0};  // requests to sandboxes that are being answered
};

}  // namespace fcvm::api
