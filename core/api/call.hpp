// Call: a request on its way through the API: who asks, about what, and how it is answered.
#pragma once

#include <map>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include <fcvm/result.hpp>

#include "core/api/auth/tokens.hpp"
#include "core/api/http/exchange.hpp"
#include "core/api/sandboxes/sandbox.hpp"

namespace fcvm::api {

struct Call {
  http::Exchange& exchange;
  std::map<std::string, std::string> parameters{};  // of the route's pattern, decoded
  Owner owner{};                                    // of a route that takes a token
  Sandbox sandbox{};       // of a route within one: it runs, and the asker may use it
  bool authorized = true;  // false: only where the route checks for itself
  std::string user{};      // whom the request wants to be in there; empty: the container's own

  [[nodiscard]] const http::Request& request() const { return exchange.request(); }
};

/// The body as a JSON object; nothing at all is an empty one. EINVAL for anything else.
[[nodiscard]] Result<nlohmann::json> body_object(http::Exchange& exchange);

/// As text that is UTF-8 whatever a guest has put into it.
[[nodiscard]] std::string json_text(const nlohmann::json& value);

Result<void> answer_json(http::Exchange& exchange, int status, const nlohmann::json& body);
/// {"code":404,"message":"..."}, as E2B's control plane and its /files route do.
Result<void> answer_error(http::Exchange& exchange, const Error& error);

/// The status that an errno value stands for in an answer.
[[nodiscard]] int status_of(const Error& error);
/// What failed and what fixes it, for a client.
[[nodiscard]] std::string text_of(const Error& error);

}  // namespace fcvm::api
