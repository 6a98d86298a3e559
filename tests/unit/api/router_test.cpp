// Which route a path belongs to.
#include "core/api/router.hpp"

#include "tests/support/catch.hpp"

namespace fcvm::api {
namespace {

Route route(const char* method, const char* pattern, Plane plane = Plane::kControl) {
  return {.plane = plane, .method = method, .pattern = pattern, .handler = {}};
}

TEST_CASE("a pattern names parts of a path") {
  std::map<std::string, std::string> found;
  CHECK(matches("/sandboxes/{id}/timeout", "/sandboxes/a%2Fb/timeout", found));
  CHECK(found["id"] == "a/b");
  CHECK_FALSE(matches("/sandboxes/{id}", "/sandboxes/", found));
  CHECK_FALSE(matches("/sandboxes/{id}", "/sandboxes/a/b", found));
  CHECK_FALSE(matches("/sandboxes/{id}", "/sandboxes/%zz", found));
  CHECK_FALSE(matches("/sandboxes", "/sandboxes/", found));
  CHECK(matches("/", "/", found));
}

TEST_CASE("a route is found by plane, method and path") {
  Router router;
  router.add({route("GET", "/metrics"), route("GET", "/metrics", Plane::kSandbox),
              route("DELETE", "/sandboxes/{id}"), route("GET", "/sandboxes/{id}")});
  CHECK(router.find(Plane::kSandbox, "GET", "/metrics").route == &router.routes()[1]);
  CHECK(router.find(Plane::kControl, "HEAD", "/metrics").route == &router.routes()[0]);
  const auto one = router.find(Plane::kControl, "DELETE", "/sandboxes/x");
  REQUIRE(one.route != nullptr);
  CHECK(one.parameters.at("id") == "x");
  const auto wrong_method = router.find(Plane::kControl, "PATCH", "/sandboxes/x");
  CHECK(wrong_method.route == nullptr);
  CHECK(wrong_method.allowed == std::vector<std::string>{"DELETE", "GET"});
  CHECK(router.find(Plane::kControl, "GET", "/nowhere").allowed.empty());
}

}  // namespace
}  // namespace fcvm::api
