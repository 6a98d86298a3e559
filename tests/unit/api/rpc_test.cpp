// Remote procedures by Connect's protocol, as a client sees them.
#include "core/api/connect/rpc.hpp"

#include <nlohmann/json.hpp>

#include "core/api/connect/envelope.hpp"
#include "core/api/json_object.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/api/served.hpp"

namespace fcvm::api::connect {
namespace {

using nlohmann::json;

/// What a server with this one route answers.
std::string call(const Route& route, const std::string& type, const std::string& body) {
  const Served served([&](http::Exchange& exchange) {
    Call call{.exchange = exchange};
    static_cast<void>(route.handler(call));
  });
  return served.ask("POST " + route.pattern + " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n" +
                    "Content-Type: " + type + "\r\nContent-Length: " + std::to_string(body.size()) +
                    "\r\n\r\n" + body);
}

std::string envelope(const std::string& message, std::uint8_t flags = 0) {
  std::string bytes;
  append_envelope(bytes, flags, message);
  return bytes;
}

Route doubling() {
  return unary("x.X/Double", [](Call&, const json& request) -> Result<json> {
    if (!request.contains("n")) return fail(ENOENT, "there is no n", "send one");
    return json{{"n", request["n"].get<int>() * 2}};
  });
}

TEST_CASE("a unary call is JSON there and back") {
  CHECK(call(doubling(), "application/json; charset=utf-8", R"({"n":4})").ends_with(R"({"n":8})"));
  const auto error = call(doubling(), "application/json", "");
  CHECK(error.starts_with("HTTP/1.1 404"));
  CHECK(error.ends_with("{\"code\":\"not_found\",\"message\":\"there is no n (send one)\"}"));
  CHECK(call(doubling(), "application/json", "[1]").starts_with("HTTP/1.1 400"));
  CHECK(call(doubling(), "application/proto", "{}").starts_with("HTTP/1.1 415"));
}

TEST_CASE("a stream of answers ends with its outcome") {
  const auto counting = streamed("x.X/Count", [](Call&, const json& request, Answers& answers) {
    for (int i = 0; i < request.value("n", 0); ++i) {
      if (auto sent = answers.send({{"i", i}}); !sent) return sent;
    }
    return request.contains("fails") ? Result<void>(fail(EINVAL, "as asked")) : Result<void>();
  });
  const std::string type = "application/connect+json";
  const auto two = call(counting, type, envelope(R"({"n":2})"));
  CHECK(two.find(envelope(R"({"i":0})")) != std::string::npos);
  CHECK(two.find(envelope(R"({"i":1})")) != std::string::npos);
  CHECK(two.find(envelope("{}", kLast)) != std::string::npos);
  CHECK(two.ends_with("0\r\n\r\n"));
  CHECK(call(counting, type, envelope(R"({"fails":1})")).find("invalid_argument") !=
        std::string::npos);
  for (const auto& bad : {std::string(), envelope("{}") + envelope("{}"), envelope("7"),
                          std::string("\0\xff\xff\xff\xff", 5)}) {
    const auto answer = call(counting, type, bad);
    CHECK(answer.starts_with("HTTP/1.1 200"));
    CHECK(answer.find("\"error\"") != std::string::npos);
  }
}

TEST_CASE("a stream of messages from the client") {
  const auto adding =
      client_streamed("x.X/Add", [](Call&, const NextMessage& next) -> Result<json> {
        int sum = 0;
        for (;;) {
          auto message = next();
          if (!message) return unexpected(message.error());
          if (!*message) return json{{"sum", sum}};
          sum += (**message)["n"].get<int>();
        }
      });
  const std::string type = "application/connect+json";
  const auto sum = call(adding, type, envelope(R"({"n":2})") + envelope(R"({"n":3})"));
  CHECK(sum.find(envelope(R"({"sum":5})")) != std::string::npos);
  CHECK(call(adding, type, envelope(R"({"n":2})").substr(0, 8)).find("invalid_argument") !=
        std::string::npos);
}

TEST_CASE("a message that is nested too deeply is no message") {
  const auto nested = [](std::size_t depth) {
    return "{\"a\":" + std::string(depth, '[') + std::string(depth, ']') + "}";
  };
  CHECK(parse_object(nested(10), "it"));
  const auto deep = parse_object(nested(100'000), "it");
  REQUIRE_FALSE(deep);
  CHECK(deep.error().code() == EINVAL);
  CHECK_FALSE(parse_object("[]", "it"));
  CHECK_FALSE(parse_object("{", "it"));
}

}  // namespace
}  // namespace fcvm::api::connect
