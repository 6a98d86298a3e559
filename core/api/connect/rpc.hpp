// Remote procedures as Connect's protocol has them, with JSON: unary ones, and streams of answers.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include <fcvm/result.hpp>

#include "core/api/router.hpp"

namespace fcvm::api::connect {

/// "not_found", of an errno value.
[[nodiscard]] std::string_view code_of(const Error& error);

/// The stream of answers of one call. Owns nothing.
class Answers {
 public:
  explicit Answers(http::Exchange& exchange) : exchange_(exchange) {}

  /// Waits while the client is slow; an error means that it has gone.
  Result<void> send(const nlohmann::json& message);
  [[nodiscard]] bool client_has_gone() const { return exchange_.client_has_gone(); }

 private:
  http::Exchange& exchange_;
};

using Unary = std::function<Result<nlohmann::json>(Call& call, const nlohmann::json& request)>;
using Streamed =
    std::function<Result<void>(Call& call, const nlohmann::json& request, Answers& answers)>;
/// A stream of messages from the client: `next` has them, one after another, and nothing at its
/// end.
using NextMessage = std::function<Result<std::optional<nlohmann::json>>()>;
using ClientStreamed = std::function<Result<nlohmann::json>(Call& call, const NextMessage& next)>;

/// A route within a sandbox, "process.Process/List", for the sandbox's access token.
[[nodiscard]] Route unary(const std::string& procedure, Unary handler);
[[nodiscard]] Route streamed(const std::string& procedure, Streamed handler);
[[nodiscard]] Route client_streamed(const std::string& procedure, ClientStreamed handler);

}  // namespace fcvm::api::connect
