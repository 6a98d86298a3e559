// See rpc.hpp.
#include "core/api/connect/rpc.hpp"

#include <utility>

#include <nlohmann/json.hpp>

#include "core/api/connect/envelope.hpp"
#include "core/api/json_object.hpp"
#include "core/wire/files.hpp"

namespace fcvm::api::connect {
namespace {

using nlohmann::json;

constexpr const char* kUnaryType = "application/json";
constexpr const char* kStreamType = "application/connect+json";

json error_json(const Error& error) {
  return {{"code", code_of(error)}, {"message", text_of(error)}};
}

int http_status_of(std::string_view code) {
  const std::pair<std::string_view, int> kStatuses[] = {
      {"invalid_argument", 400},   {"unauthenticated", 401}, {"permission_denied", 403},
      {"not_found", 404},          {"already_exists", 409},  {"failed_precondition", 400},
      {"resource_exhausted", 429}, {"unimplemented", 501},   {"unavailable", 503},
      {"deadline_exceeded", 504}};
  for (const auto& [known, status] : kStatuses) {
    if (known == code) return status;
  }
  return 500;
}

bool has_type(const http::Request& request, std::string_view type) {
  const auto given = request.headers.get("Content-Type");
  return http::same_name(given.substr(0, given.find(';')), type);
}

Result<void> answer_rpc_error(Call& call, const Error& error) {
  return answer_json(call.exchange, http_status_of(code_of(error)), error_json(error));
}

Result<void> refuse_type(Call& call, std::string_view wanted) {
  return call.exchange.answer({.status = 415, .headers = {{"Accept-Post", std::string(wanted)}}});
}

/// The single message of a call whose answers are a stream.
Result<json> only_message(http::Exchange& exchange) {
  EnvelopeReader reader;
  reader.append(FCVM_TRY(exchange.whole_body()));
  const auto envelope = FCVM_TRY(reader.next());
  if (!envelope || !reader.is_empty()) return fail(EINVAL, "the request is not one message");
  return parse_object(envelope->message, "the message");
}

Result<void> send_last(http::Exchange& exchange, const Result<void>& outcome) {
  const json trailer = outcome ? json::object() : json{{"error", error_json(outcome.error())}};
  std::string bytes;
  append_envelope(bytes, kLast, json_text(trailer));
  FCVM_TRY(exchange.write(bytes));
  return exchange.end_stream();
}

/// What a client sends in the course of a call.
class Messages {
 public:
  explicit Messages(http::Exchange& exchange) : exchange_(exchange) {}

  Result<std::optional<json>> next() {
    for (;;) {
      if (const auto envelope = FCVM_TRY(reader_.next())) return parsed(*envelope);
      const auto got = FCVM_TRY(exchange_.read_body(piece_));
      if (got == 0 && !reader_.is_empty()) return fail(EINVAL, "the last message is cut off");
      if (got == 0) return std::optional<json>();
      reader_.append(std::string_view(piece_).substr(0, got));
    }
  }

 private:
  static Result<std::optional<json>> parsed(const EnvelopeReader::Envelope& envelope) {
    return std::optional(FCVM_TRY(parse_object(envelope.message, "a message")));
  }

  http::Exchange& exchange_;
  EnvelopeReader reader_;
  std::string piece_ = std::string(16 << 10, '\0');
};

Route route_of(const std::string& procedure, RouteHandler handler) {
  return {.plane = Plane::kSandbox,
          .method = "POST",
          .pattern = "/" + procedure,
          .credential = Credential::kAccessToken,
          .handler = std::move(handler)};
}

Result<void> begin_answers(http::Exchange& exchange) {
  return exchange.begin_stream({.headers = {{"Content-Type", kStreamType}}});
}

}  // namespace

std::string_view code_of(const Error& error) {
  switch (error.code()) {
    case EINVAL:
    case EPROTO:
    case ENOTDIR:
    case EISDIR:
    case ENOTEMPTY:
    case ELOOP:
    case ENAMETOOLONG:
      return "invalid_argument";
    case EKEYREJECTED:
    case wire::kNoSuchUser:
      return "unauthenticated";
    case EACCES:
    case EPERM:
    case EROFS:
      return "permission_denied";
    case ENOENT:
      return "not_found";
    case EEXIST:
      return "already_exists";
    case EBUSY:
      return "failed_precondition";
    case EFBIG:
    case EMSGSIZE:
    case EDQUOT:
    case ENOSPC:
      return "resource_exhausted";
    case ENOTSUP:
    case ENOSYS:
      return "unimplemented";
    case ESRCH:
    case EAGAIN:
    case ECONNRESET:
    case EPIPE:
      return "unavailable";
    case ETIMEDOUT:
      return "deadline_exceeded";
    case ECANCELED:
      return "canceled";
    default:
      return "internal";
  }
}

Result<void> Answers::send(const json& message) {
  std::string bytes;
  append_envelope(bytes, 0, json_text(message));
  return exchange_.write(bytes);
}

Route unary(const std::string& procedure, Unary handler) {
  return route_of(procedure, [handler = std::move(handler)](Call& call) -> Result<void> {
    if (!has_type(call.request(), kUnaryType)) return refuse_type(call, kUnaryType);
    auto request = body_object(call.exchange);
    auto answer = request ? handler(call, *request) : unexpected(request.error());
    if (!answer) return answer_rpc_error(call, answer.error());
    return answer_json(call.exchange, 200, *answer);
  });
}

Route streamed(const std::string& procedure, Streamed handler) {
  return route_of(procedure, [handler = std::move(handler)](Call& call) -> Result<void> {
    if (!has_type(call.request(), kStreamType)) return refuse_type(call, kStreamType);
    const auto request = only_message(call.exchange);
    FCVM_TRY(begin_answers(call.exchange));
    Answers answers(call.exchange);
    return send_last(call.exchange,
                     request ? handler(call, *request, answers) : unexpected(request.error()));
  });
}

Route client_streamed(const std::string& procedure, ClientStreamed handler) {
  return route_of(procedure, [handler = std::move(handler)](Call& call) -> Result<void> {
    if (!has_type(call.request(), kStreamType)) return refuse_type(call, kStreamType);
    Messages messages(call.exchange);
    const auto answer = handler(call, [&] { return messages.next(); });
    FCVM_TRY(begin_answers(call.exchange));
    if (!answer) return send_last(call.exchange, unexpected(answer.error()));
    FCVM_TRY(Answers(call.exchange).send(*answer));
    return send_last(call.exchange, {});
  });
}

}  // namespace fcvm::api::connect
