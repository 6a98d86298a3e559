// What clients wish of sandboxes, and pages of lists.
#include "core/api/control/sandbox_messages.hpp"

#include <nlohmann/json.hpp>

#include "tests/support/catch.hpp"

namespace fcvm::api {
namespace {

using nlohmann::json;

TEST_CASE("a wish has what the client said, and the protocol's defaults") {
  const auto wish = sandbox_wish(json::parse(
      R"({"templateID":"base","timeout":60,"metadata":{"a":"b"},"envVars":{"X":"1"},)"
      R"("autoPause":true,"allow_internet_access":false,"network":{"allowPublicTraffic":false}})"));
  REQUIRE(wish);
  CHECK(wish->template_id == "base");
  CHECK(wish->timeout_s == 60);
  CHECK(wish->metadata.at("a") == "b");
  CHECK(wish->environment.at("X") == "1");
  CHECK(wish->pauses_at_end);
  CHECK_FALSE(wish->has_network);
  CHECK_FALSE(wish->is_public);
  const auto bare = sandbox_wish({{"templateID", "base"}, {"network", nullptr}});
  REQUIRE(bare);
  CHECK(bare->timeout_s == 15);
  CHECK_FALSE(bare->pauses_at_end);
  CHECK(bare->has_network);
  CHECK(bare->is_public);
}

TEST_CASE("a wish that cannot be granted, or is none, is refused") {
  const auto code = [](const char* text) { return sandbox_wish(json::parse(text)).error().code(); };
  CHECK(code("{}") == EINVAL);
  CHECK(code(R"({"templateID":7})") == EINVAL);
  CHECK(code(R"({"templateID":"a","timeout":"x"})") == EINVAL);
  CHECK(code(R"({"templateID":"a","timeout":1.5})") == EINVAL);
  CHECK(code(R"({"templateID":"a","metadata":[]})") == EINVAL);
  CHECK(code(R"({"templateID":"a","metadata":{"a":1}})") == EINVAL);
  CHECK(code(R"({"templateID":"a","envVars":{"a=b":"c"}})") == EINVAL);
  CHECK(code(R"({"templateID":"a","envVars":{"a":"\u0000"}})") == EINVAL);
  CHECK(code(R"({"templateID":"a","autoPause":"yes"})") == EINVAL);
  CHECK(code(R"({"templateID":"a","network":[]})") == EINVAL);
  CHECK(code(R"({"templateID":"a","volumeMounts":[{}]})") == ENOTSUP);
  CHECK(code(R"({"templateID":"a","autoPauseMemory":false})") == ENOTSUP);
  CHECK(code(R"({"templateID":"a","network":{"denyOut":["x"]}})") == ENOTSUP);
}

http::Request request_of(const std::string& query) {
  http::Request request;
  request.query = *http::parse_query(query);
  return request;
}

std::vector<Sandbox> three() {
  return {{.id = "a", .template_id = "t", .owner = "o", .metadata = {{"k y", "v&"}}},
          {.id = "b", .template_id = "u", .owner = "o", .state = SandboxState::kPaused},
          {.id = "c", .template_id = "t", .owner = "o"}};
}

std::string ids(const Page& page) {
  std::string all;
  for (const auto& one : page.sandboxes) all += one.id;
  return all;
}

std::string ids_of(const std::string& query) {
  return ids(page_of(three(), *list_query(request_of(query))));
}

TEST_CASE("a list is filtered") {
  CHECK(ids_of("") == "abc");
  CHECK(ids_of("state=running") == "ac");
  CHECK(ids_of("state=paused") == "b");
  CHECK(ids_of("state=running%2Cpaused&template=u") == "b");
  CHECK(ids_of("order=desc") == "cba");
  // As the client encodes it: a query of encoded names in a query.
  CHECK(ids_of("metadata=k%252520y%3Dv%252526") == "a");
  CHECK(ids_of("metadata=k%3Dv").empty());
  CHECK(list_query(request_of("limit=0")).error().code() == EINVAL);
  CHECK(list_query(request_of("limit=1x")).error().code() == EINVAL);
}

TEST_CASE("pages follow one another to the end") {
  auto query = *list_query(request_of("limit=2"));
  const auto first = page_of(three(), query);
  CHECK(ids(first) == "ab");
  query.after = first.next;
  const auto second = page_of(three(), query);
  CHECK(ids(second) == "c");
  CHECK(second.next.empty());
  query.after = "gone";
  CHECK(ids(page_of(three(), query)).empty());
}

TEST_CASE("secrets are told to whoever makes one, and in no list") {
  const Sandbox sandbox{.id = "a",
                        .template_id = "t",
                        .owner = "o",
                        .environment = {{"KEY", "hidden"}},
                        .access_token = "secret",
                        .traffic_token = "traffic"};
  const auto access = access_json(sandbox, "");
  CHECK(access["envdAccessToken"] == "secret");
  CHECK(access["trafficAccessToken"] == "traffic");
  CHECK(access["domain"].is_null());
  const auto info = info_json(sandbox, 0).dump();
  for (const char* secret : {"secret", "\"traffic\"", "hidden"}) {
    CHECK(info.find(secret) == std::string::npos);
  }
}

}  // namespace
}  // namespace fcvm::api
