// Who may do what: every route of the table, with and without the credentials that it takes. The
// sandbox is a record of a VM whose supervisor is this process, so nothing answers in it; what is
// asked for it has to be refused before that matters.
#include "core/api/service.hpp"

#include <memory>

#include <nlohmann/json.hpp>

#include "core/base/io/file.hpp"
#include "core/digest/sha256.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/api/served.hpp"

namespace fcvm::api {
namespace {

constexpr const char* kId = "sandboxofalice";
constexpr const char* kAccessToken = "the-access-token";

/// A service with a sandbox of alice's. Its verbs all fail.
class World {
 public:
  World()
      : directory_(must(base::TempDir::create())),
        loop_(must(base::Loop::create())),
        store_({.data = directory_.path() + "/data", .runtime = directory_.path() + "/run"}),
        processes_(*loop_, store_),
        ports_(*loop_, store_) {
    vm::Record record;
    record.name = std::string("sandbox-") + kId;
    record.phase = vm::Phase::kRunning;
    must(base::make_directories(store_.paths().vms()));
    must(base::make_directories(store_.paths().runtime));
    const auto made = must(store_.create(record));
    const SandboxFiles files(store_.paths().sandboxes());
    must(files.save({.id = kId,
                     .template_id = "base",
                     .owner = "alice",
                     .metadata = {{"known", "to alice"}},
                     .access_token = kAccessToken,
                     .vm = made.id,
                     .ends_s = 1'000'000'000'000}));
    sandboxes_ = must(Sandboxes::open({.store = store_,
                                       .fcvm = FcvmCommand("/bin/false"),
                                       .templates = must(Templates::make({}, {}, false))}));
    service_ = std::make_unique<Service>(Service::Setup{.tokens = tokens(),
                                                        .sandboxes = *sandboxes_,
                                                        .processes = processes_,
                                                        .ports = ports_,
                                                        .is_ready = [] { return true; }});
    served_ =
        std::make_unique<Served>([this](http::Exchange& exchange) { service_->handle(exchange); });
  }

  [[nodiscard]] const std::vector<Route>& routes() const { return service_->router().routes(); }

  /// The status of the answer to a request that names the sandbox wherever the route has room.
  [[nodiscard]] int status_of(const Route& route, const std::string& headers) const {
    std::string path = route.pattern;
    for (auto at = path.find('{'); at != std::string::npos; at = path.find('{')) {
      path.replace(at, path.find('}') - at + 1, kId);
    }
    const bool in_sandbox = route.plane == Plane::kSandbox;
    const auto answer = served_->ask(
        route.method + ' ' + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" +
        (in_sandbox ? std::string("E2b-Sandbox-Id: ") + kId + "\r\n" : std::string()) + headers +
        "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}");
    said_ = answer;
    return std::stoi(answer.substr(9, 3));
  }
  [[nodiscard]] const std::string& said() const { return said_; }

 private:
  static Tokens tokens() {
    return must(Tokens::parse("sha256:" + digest::sha256("alices") +
                              " alice\nsha256:" + digest::sha256("bobs") + " bob\n"));
  }

  base::TempDir directory_;
  std::unique_ptr<base::Loop> loop_;  // nothing runs in it
  vm::Store store_;
  Processes processes_;
  PortProxy ports_;
  std::unique_ptr<Sandboxes> sandboxes_;
  std::unique_ptr<Service> service_;
  std::unique_ptr<Served> served_;
  mutable std::string said_;
};

TEST_CASE("without a token no route tells or does anything") {
  const World world;
  REQUIRE(world.routes().size() > 50);
  for (const Route& route : world.routes()) {
    INFO(route.method << ' ' << route.pattern);
    for (const char* headers : {"", "X-API-Key: wrong\r\n", "Authorization: Bearer wrong\r\n",
                                "X-API-Key: \r\n", "X-Access-Token: wrong\r\n"}) {
      const int status = world.status_of(route, headers);
      if (route.credential == Credential::kNone) {
        CHECK(status == 204);
      } else {
        CHECK(status == 401);
      }
    }
  }
}

TEST_CASE("a token sees nothing of another's, by no route") {
  const World world;
  for (const Route& route : world.routes()) {
    INFO(route.method << ' ' << route.pattern);
    const int status = world.status_of(route, "X-API-Key: bobs\r\n");
    CHECK(world.said().find("to alice") == std::string::npos);
    CHECK(world.said().find(kAccessToken) == std::string::npos);
    if (route.plane == Plane::kSandbox) {
      CHECK(status == 401);
    } else if (route.pattern.find("{sandboxID}") != std::string::npos) {
      CHECK((status == 404 || status == 501 || status == 400));
    }
  }
}

TEST_CASE("its owner and its own token get in") {
  const World world;
  for (const Route& route : world.routes()) {
    INFO(route.method << ' ' << route.pattern);
    if (route.pattern == "/envs") {
      CHECK(world.status_of(route, "X-API-Key: alices\r\n") == 200);
      CHECK(world.status_of(route, std::string("X-Access-Token: ") + kAccessToken + "\r\n") == 200);
    }
    if (route.pattern == "/sandboxes/{sandboxID}" && route.method == "GET") {
      CHECK(world.status_of(route, "X-API-Key: alices\r\n") == 200);
      CHECK(world.said().find("to alice") != std::string::npos);
      CHECK(world.said().find(kAccessToken) == std::string::npos);
      // What is within a sandbox is no key to what is about it.
      CHECK(world.status_of(route, std::string("X-Access-Token: ") + kAccessToken + "\r\n") == 401);
    }
  }
}

}  // namespace
}  // namespace fcvm::api
