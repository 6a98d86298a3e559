#include "core/vm/supervisor/image_config.hpp"

#include "tests/support/catch.hpp"

namespace fcvm::vm {
namespace {

wire::ContainerSpec container(std::vector<std::string> command, bool has_entrypoint = false,
                              std::vector<std::string> entrypoint = {}) {
  wire::ContainerSpec made;
  made.command = std::move(command);
  made.has_entrypoint = has_entrypoint;
  made.entrypoint = std::move(entrypoint);
  return made;
}

TEST_CASE("an image needs a command, its own or the user's") {
  CHECK(check_command(R"({"config":{"Cmd":["sh"]}})", container({})));
  CHECK(check_command(R"({"config":{"Entrypoint":["sh"],"Cmd":null}})", container({})));
  CHECK(check_command("{}", container({"sh"})));
  CHECK(check_command("{}", container({}, true, {"sh"})));
  for (const char* empty : {"{}", "[]", "nonsense", R"({"config":7})", R"({"config":{"Cmd":[]}})",
                            R"({"config":{"Cmd":"sh"}})"}) {
    CHECK(check_command(empty, container({})).error().code() == EINVAL);
  }
  // --entrypoint "" makes the image's command void.
  CHECK_FALSE(check_command(R"({"config":{"Cmd":["sh"]}})", container({}, true)));
}

TEST_CASE("ports that an image exposes are published at any port of the host") {
  const char* config = R"({"config":{"ExposedPorts":{"53/udp":{},"80":{},"443/tcp":{}}}})";
  CHECK(exposed_ports(config, {}) ==
        std::vector<PublishedPort>{{"", 0, 443}, {"", 0, 53, Protocol::kUdp}, {"", 0, 80}});
  CHECK(exposed_ports(R"({"config":{"ExposedPorts":{"80-82":{}}}})", {{"", 9, 81}}) ==
        std::vector<PublishedPort>{{"", 0, 80}, {"", 0, 82}});
  // But for those that are published already: 53 of another protocol is not.
  CHECK(exposed_ports(config, {{"", 8080, 80}, {"", 8000, 440, Protocol::kTcp, 5}, {"", 53, 53}}) ==
        std::vector<PublishedPort>{{"", 0, 53, Protocol::kUdp}});
}

TEST_CASE("what an image exposes and is no port is left out") {
  const char* config = R"({"config":{"ExposedPorts":{"x":{},"8080:80":{},"1.2.3.4::80":{},"0":{},)"
                       R"("90-80/tcp":{},"80/sctp":{},"99999":{},"":{}}}})";
  CHECK(exposed_ports(config, {}).empty());
  for (const char* none : {"", "7", R"({"config":{}})", R"({"config":{"ExposedPorts":["80"]}})"}) {
    CHECK(exposed_ports(none, {}).empty());
  }
}

TEST_CASE("a health check is the image's, with the user's word before it, and podman's behind") {
  using Words = std::vector<std::string>;
  const char* config =
      R"({"config":{"Healthcheck":{"Test":["CMD-SHELL","curl x"],"Interval":5000000000,
          "Timeout":2500000000,"StartPeriod":1000,"Retries":7}}})";
  CHECK(has_health_check(config));
  const auto image = health_check(config, {});
  CHECK(image.command == Words{"/bin/sh", "-c", "curl x"});
  CHECK(image.interval_ms == 5000);
  CHECK(image.timeout_ms == 2500);
  CHECK(image.start_period_ms == 1);
  CHECK(image.retries == 7);
  HealthPlan plan;
  plan.test = {"CMD", "/check", "it"};
  plan.timeout = std::chrono::seconds(9);
  const auto mixed = health_check(config, plan);
  CHECK(mixed.command == Words{"/check", "it"});
  CHECK(mixed.interval_ms == 5000);
  CHECK(mixed.timeout_ms == 9000);
  const auto own = health_check("{}", plan);
  CHECK(own.interval_ms == 30'000);
  CHECK(own.start_period_ms == 0);
  CHECK(own.retries == 3);
  plan.none = true;
  CHECK(health_check(config, plan).command.empty());
}

TEST_CASE("what is no health check of an image is none") {
  for (const char* part : {"null", "7", "{}", R"({"Test":["NONE"]})", R"({"Test":["CMD"]})",
                           R"({"Test":"curl"})", R"({"Test":["CMD",7]})", R"({"Test":[]})"}) {
    INFO(part);
    const auto config = std::string(R"({"config":{"Healthcheck":)") + part + "}}";
    CHECK(health_check(config, {}).command.empty());
  }
  CHECK(health_check("nonsense", {}).command.empty());
  const char* wild = R"({"config":{"Healthcheck":{"Test":["CMD","x"],"Interval":-5,"Timeout":"1s",
                         "Retries":-1}}})";
  const auto check = health_check(wild, {});
  CHECK(check.interval_ms == 30'000);
  CHECK(check.timeout_ms == 30'000);
  CHECK(check.retries == 3);
}

}  // namespace
}  // namespace fcvm::vm
