// See call.hpp.
#include "core/api/call.hpp"

#include <nlohmann/json.hpp>

#include "core/api/json_object.hpp"
#include "core/base/printable.hpp"
#include "core/wire/files.hpp"

namespace fcvm::api {

using nlohmann::json;

std::string json_text(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<json> body_object(http::Exchange& exchange) {
  const auto text = FCVM_TRY(exchange.whole_body());
  if (text.empty()) return json::object();
  return parse_object(text, "the body of the request");
}

Result<void> answer_json(http::Exchange& exchange, int status, const json& body) {
  return exchange.answer({.status = status,
                          .headers = {{"Content-Type", "application/json"}},
                          .body = json_text(body)});
}

Result<void> answer_error(http::Exchange& exchange, const Error& error) {
  const int status = status_of(error);
  return answer_json(exchange, status, {{"code", status}, {"message", text_of(error)}});
}

int status_of(const Error& error) {
  switch (error.code()) {
    case EINVAL:
    case EPROTO:
    case ENOTDIR:
    case EISDIR:
    case ELOOP:
    case ENAMETOOLONG:
      return 400;
    case EKEYREJECTED:
    case wire::kNoSuchUser:
      return 401;
    case EACCES:
    case EPERM:
    case EROFS:
      return 403;
    case ENOENT:
      return 404;
    case EEXIST:
    case EBUSY:
    case ENOTEMPTY:
      return 409;
    case EFBIG:
    case EMSGSIZE:
      return 413;
    case EDQUOT:
      return 429;
    case ENOTSUP:
    case ENOSYS:
      return 501;
    case ESRCH:  // the VM has no supervisor any more
      return 502;
    case EAGAIN:
      return 503;
    case ETIMEDOUT:
      return 504;
    case ENOSPC:
      return 507;
    default:
      return 500;
  }
}

std::string text_of(const Error& error) {
  auto text = base::printable(error.message());
  if (!error.remedy().empty()) text += " (" + base::printable(error.remedy()) + ")";
  return text;
}

}  // namespace fcvm::api
