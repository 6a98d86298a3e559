// The messages of process.Process.
#include "core/api/envd/process_messages.hpp"

#include <csignal>

#include <nlohmann/json.hpp>

#include "tests/support/catch.hpp"

namespace fcvm::api {
namespace {

using nlohmann::json;

TEST_CASE("a command is what the message says") {
  const auto message = start_message(json::parse(
      R"({"process":{"cmd":"/bin/ls","args":["-l","a b"],"envs":{"A":"1"},"cwd":"/tmp"},)"
      R"("tag":"t","stdin":false})"));
  REQUIRE(message);
  const auto request = exec_request(*message, {{"A", "0"}, {"B", "2"}}, "user");
  CHECK(request.command == std::vector<std::string>{"/bin/ls", "-l", "a b"});
  CHECK(request.environment == std::vector<std::string>{"A=1", "B=2"});
  CHECK(request.workdir == "/tmp");
  CHECK(request.user == "user");
  CHECK_FALSE(request.tty);
  CHECK_FALSE(request.interactive);
  CHECK(message->config.tag == "t");
}

TEST_CASE("a terminal is interactive, and bash is another shell where there is none") {
  const auto message = start_message(json::parse(
      R"({"process":{"cmd":"/bin/bash","args":["-l"]},"pty":{"size":{"cols":80,"rows":24}},)"
      R"("stdin":false})"));
  REQUIRE(message);
  const auto request = exec_request(*message, {}, "");
  CHECK(request.tty);
  CHECK(request.interactive);
  CHECK(request.rows == 24);
  CHECK(request.columns == 80);
  CHECK(request.command.front() == "/bin/sh");
  CHECK(request.command.back() == "-l");
}

TEST_CASE("what is no message is refused") {
  for (const char* text :
       {"{}", R"({"process":7})", R"({"process":{"cmd":""}})", R"({"process":{"cmd":["a"]}})",
        R"({"process":{"cmd":"a","args":"b"}})", R"({"process":{"cmd":"a","args":[1]}})",
        R"({"process":{"cmd":"a","envs":{"A=B":"1"}}})", R"({"process":{"cmd":"a\u0000"}})",
        R"({"process":{"cmd":"a"},"pty":{"size":{"cols":-1}}})",
        R"({"process":{"cmd":"a"},"pty":{"size":{"cols":70000}}})"}) {
    CHECK(start_message(json::parse(text)).error().code() == EINVAL);
  }
  CHECK_FALSE(selector(json::object()));
  CHECK_FALSE(selector(json::parse(R"({"process":{"pid":-1}})")));
  CHECK(selector(json::parse(R"({"process":{"pid":5}})"))->pid == 5);
  CHECK(selector(json::parse(R"({"process":{"tag":"x"}})"))->tag == "x");
  CHECK(*input_bytes(json::parse(R"({"input":{"stdin":"aGk="}})")) == "hi");
  CHECK(*input_bytes(json::parse(R"({"input":{"pty":"aGk="}})")) == "hi");
  CHECK_FALSE(input_bytes(json::parse(R"({"input":{"stdin":"*"}})")));
  CHECK(*signal_number({{"signal", "SIGNAL_SIGKILL"}}) == SIGKILL);
  CHECK(*signal_number({{"signal", 15}}) == SIGTERM);
  CHECK_FALSE(signal_number({{"signal", 1}}));
}

TEST_CASE("events are as envd tells them") {
  CHECK(event_json({.kind = ProcessEvent::Kind::kStdout, .bytes = "hi"}, false).dump() ==
        R"({"event":{"data":{"stdout":"aGk="}}})");
  CHECK(event_json({.kind = ProcessEvent::Kind::kStdout, .bytes = "hi"}, true).dump() ==
        R"({"event":{"data":{"pty":"aGk="}}})");
  const auto exited = event_json({.code = 3}, false)["event"]["end"];
  CHECK(exited["exitCode"] == 3);
  CHECK(exited["exited"] == true);
  CHECK(exited["status"] == "exit status 3");
  const auto killed = event_json({.code = 137, .signal = SIGKILL}, false)["event"]["end"];
  CHECK(killed["exitCode"] == -1);
  CHECK(killed["exited"] == false);
  CHECK(killed["error"] == "signal: killed");
}

}  // namespace
}  // namespace fcvm::api
