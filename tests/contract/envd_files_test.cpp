// The routes about files, over HTTP, with the agent on Unix sockets for the sandbox's guest.
#include <atomic>
#include <sys/socket.h>

#include <nlohmann/json.hpp>

#include "core/api/connect/envelope.hpp"
#include "core/api/envd/file_routes.hpp"
#include "core/api/envd/file_signature.hpp"
#include "core/api/envd/filesystem_routes.hpp"
#include "core/api/envd/gzip.hpp"
#include "core/api/envd/watchers.hpp"
#include "tests/contract/agent_client.hpp"
#include "tests/unit/api/byte_sources.hpp"
#include "tests/unit/api/served.hpp"

namespace fcvm::api {
namespace {

using nlohmann::json;
using namespace envd;
using tests::RunningAgent;

struct Reply {
  int status = 0;
  std::string head;
  std::string body;  // without chunks
};

std::string without_chunks(std::string_view body) {
  std::string all;
  for (;;) {
    const auto line = body.find("\r\n");
    if (line == std::string_view::npos) return all;
    const auto size = std::stoul(std::string(body.substr(0, line)), nullptr, 16);
    if (size == 0) return all;
    all += body.substr(line + 2, size);
    body.remove_prefix(line + 2 + size + 2);
  }
}

Reply parsed(const std::string& answer) {
  Reply reply;
  const auto end = answer.find("\r\n\r\n");
  REQUIRE(end != std::string::npos);
  reply.head = answer.substr(0, end);
  reply.status = std::stoi(reply.head.substr(9));
  reply.body = answer.substr(end + 4);
  if (reply.head.find("chunked") != std::string::npos) reply.body = without_chunks(reply.body);
  return reply;
}

/// A sandbox whose guest is an agent of this machine, with a directory of its own.
struct Box {
  Box() {
    router.add(file_routes(files_of));
    router.add(filesystem_routes(files_of, [this] { return is_ending.load(); }));
  }

  void serve(http::Exchange& exchange) {
    Call call{.exchange = exchange};
    call.sandbox.id = "box";
    call.sandbox.access_token = "secret";
    call.authorized = exchange.request().headers.get("X-Access-Token") == "secret";
    call.user = exchange.request().parameter("username");
    const auto found =
        router.find(Plane::kSandbox, exchange.request().method, exchange.request().path);
    const auto handled = found.route != nullptr ? found.route->handler(call)
                                                : Result<void>(fail(ENOENT, "no route"));
    if (!handled && !exchange.answered())
      static_cast<void>(answer_error(exchange, handled.error()));
  }

  [[nodiscard]] std::string at(const std::string& name) const {
    return directory.path() + "/" + name;
  }
  [[nodiscard]] std::string url(const std::string& name) const {
    return "/files?path=" + http::percent_encode(at(name));
  }
  [[nodiscard]] static std::string with_token() { return "X-Access-Token: secret\r\n"; }
  Reply ask(const std::string& method, const std::string& target, const std::string& headers,
            const std::string& body = {}) {
    return parsed(served.ask(method + " " + target +
                             " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n" + headers +
                             "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body));
  }
  Reply put(const std::string& name, const std::string& bytes, const std::string& headers = {}) {
    return ask("POST", url(name),
               with_token() + headers + "Content-Type: application/octet-stream\r\n", bytes);
  }
  Reply get(const std::string& name, const std::string& headers = {}) {
    return ask("GET", url(name), with_token() + headers);
  }
  Reply rpc(const std::string& procedure, const json& request) {
    return ask("POST", "/filesystem.Filesystem/" + procedure,
               with_token() + "Content-Type: application/json\r\n", request.dump());
  }

  std::atomic<bool> is_ending{false};
  RunningAgent agent;
  base::TempDir directory = must(base::TempDir::create());
  FilesOf files_of = [this](const Call& call) {
    return vm::GuestFiles(
        [this](std::uint32_t port, base::Deadline) { return agent.connect(port); }, call.user,
        wire::ExecPlace::kGuest);
  };
  Router router;
  Served served{[this](http::Exchange& exchange) { serve(exchange); }};
};

std::string gzip_of(const std::string& text) {
  std::string all;
  Deflater deflater([&](std::string_view bytes) -> Result<void> {
    all += bytes;
    return {};
  });
  must(deflater.write(text));
  must(deflater.finish());
  return all;
}

TEST_CASE("/files: bytes go in and come out as they are") {
  Box box;
  std::string bytes;
  for (std::size_t i = 0; i < 3'000'000; ++i) bytes += static_cast<char>(i * i >> 3);
  const auto put = box.put("a/b c", bytes);
  CHECK(put.status == 200);
  CHECK(json::parse(put.body) ==
        json::array({{{"name", "b c"}, {"path", box.at("a/b c")}, {"type", "file"}}}));
  const auto got = box.get("a/b c");
  CHECK(got.status == 200);
  CHECK(got.head.find("application/octet-stream") != std::string::npos);
  CHECK((got.body == bytes));
  CHECK(box.put("empty", "").status == 200);
  CHECK(box.get("empty").body.empty());
}

TEST_CASE("/files: gzip is taken, and given to who asks for nothing else") {
  Box box;
  const std::string text(100'000, 'x');
  CHECK(box.put("f", gzip_of(text), "Content-Encoding: gzip\r\n").status == 200);
  CHECK((box.get("f", "Accept-Encoding: gzip, deflate\r\n").body == text));
  const auto packed = box.get("f", "Accept-Encoding: gzip\r\n");
  CHECK(packed.head.find("Content-Encoding: gzip") != std::string::npos);
  CHECK(packed.body.size() < text.size() / 10);
  Inflated inflated(source_of(packed.body, 100));
  CHECK((must(all_of(inflated)) == text));
  CHECK(box.put("g", "no gzip", "Content-Encoding: gzip\r\n").status == 400);
  CHECK(box.put("g", "x", "Content-Encoding: br\r\n").status == 400);
  CHECK(box.get("g").status == 404);
}

TEST_CASE("/files: a form has several files, each with its path, or one with the URL's") {
  Box box;
  const auto part = [](const std::string& name, const std::string& content) {
    return "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" + name +
           "\"\r\n\r\n" + content + "\r\n";
  };
  const auto send = [&](const std::string& target, const std::string& body) {
    return box.ask("POST", target,
                   Box::with_token() + "Content-Type: multipart/form-data; boundary=B\r\n", body);
  };
  const auto two = send("/files", part(box.at("x/1"), "one") + part(box.at("2"), "two") + "--B--");
  CHECK(two.status == 200);
  CHECK(json::parse(two.body).size() == 2);
  CHECK(box.get("x/1").body == "one");
  CHECK(box.get("2").body == "two");
  CHECK(send(box.url("3"), part("ignored", "three") + "--B--").status == 200);
  CHECK(box.get("3").body == "three");
  CHECK(send(box.url("4"), part("a", "x") + part("b", "y") + "--B--").status == 400);
  CHECK(send("/files", "--B--").status == 400);
  CHECK(send(box.url("5"), part("a", "cut off")).status == 400);
  CHECK(box.get("5").status == 404);
}

TEST_CASE("/files: what is wrong has the status that clients know") {
  Box box;
  CHECK(box.get("none").status == 404);
  CHECK(box.get("").status == 400);
  CHECK(box.put("f", "x").status == 200);
  CHECK(box.put("f/g", "x").status == 400);
  const auto error = json::parse(box.get("none").body);
  CHECK(error["code"] == 404);
  CHECK(error["message"].get<std::string>().find(box.at("none")) != std::string::npos);
  CHECK(box.ask("POST", "/files", Box::with_token(), "x").status == 400);
  CHECK(box.ask("GET", box.url("f") + "&username=nobody-of-that-name", Box::with_token()).status ==
        401);
}

TEST_CASE("/files: without a token, a signature is asked for") {
  Box box;
  CHECK(box.put("f", "text").status == 200);
  CHECK(box.ask("GET", box.url("f"), "").status == 401);
  CHECK(box.ask("GET", box.url("f"), "X-Access-Token: wrong\r\n").status == 401);
  const auto signed_url = [&](FileAccess access) {
    const auto signature = signature_of({.path = box.at("f"), .access = access}, "secret");
    return box.url("f") + "&signature=" + http::percent_encode(signature);
  };
  CHECK(box.ask("GET", signed_url(FileAccess::kRead), "").body == "text");
  CHECK(box.ask("GET", signed_url(FileAccess::kWrite), "").status == 401);
  CHECK(box.ask("POST", signed_url(FileAccess::kRead), "", "new").status == 401);
  CHECK(box.ask("POST", signed_url(FileAccess::kWrite), "", "new").status == 200);
  CHECK(box.get("f").body == "new");
}

TEST_CASE("/files: a client that leaves in the middle of an upload leaves nothing") {
  Box box;
  CHECK(box.put("f", "old").status == 200);
  {
    const auto socket = box.served.connect();
    must(base::write_all(socket.get(), "POST " + box.url("f") + " HTTP/1.1\r\nHost: h\r\n" +
                                           Box::with_token() + "Content-Length: 100\r\n\r\nhalf"));
  }
  const auto names = [&] {
    return json::parse(box.rpc("ListDir", {{"path", box.directory.path()}}).body)["entries"].size();
  };
  // It may take a moment to be noticed, and then what it had begun goes.
  while (box.served.server().requests_now() > 0 || names() > 1) {
  }
  CHECK(box.get("f").body == "old");
}

TEST_CASE("filesystem: names are made, moved, listed and removed") {
  Box box;
  const auto made = box.rpc("MakeDir", {{"path", box.at("d/e")}});
  CHECK(made.status == 200);
  CHECK(json::parse(made.body)["entry"]["type"] == "FILE_TYPE_DIRECTORY");
  CHECK(json::parse(box.rpc("MakeDir", {{"path", box.at("d/e")}}).body)["code"] ==
        "already_exists");
  CHECK(box.put("d/f", "12345").status == 200);
  const auto moved = box.rpc("Move", {{"source", box.at("d/f")}, {"destination", box.at("g")}});
  CHECK(json::parse(moved.body)["entry"]["path"] == box.at("g"));
  CHECK(json::parse(box.rpc("Stat", {{"path", box.at("g")}}).body)["entry"]["size"] == "5");
  const auto list = [&](const json& request) {
    return json::parse(box.rpc("ListDir", request).body)["entries"].size();
  };
  CHECK(list({{"path", box.directory.path()}}) == 2);
  CHECK(list({{"path", box.directory.path()}, {"depth", 2}}) == 3);
  CHECK(box.rpc("ListDir", {{"path", box.directory.path()}, {"depth", -1}}).status == 400);
  CHECK(box.rpc("Remove", {{"path", box.at("d")}}).body == "{}");
  CHECK(box.rpc("Remove", {{"path", box.at("d")}}).body == "{}");
  const auto gone = json::parse(box.rpc("Stat", {{"path", box.at("d")}}).body);
  CHECK(gone["code"] == "not_found");
  CHECK(json::parse(box.rpc("ListDir", {{"path", box.at("g")}}).body)["code"] ==
        "invalid_argument");
  CHECK(box.rpc("Stat", {{"path", 7}}).status == 400);
}

/// A client that watches the directory, and hears what it is sent.
struct Watching {
  explicit Watching(Box& box) : socket(box.served.connect()) {
    std::string message;
    connect::append_envelope(message, 0, json{{"path", box.directory.path()}}.dump());
    must(base::write_all(socket.get(),
                         "POST /filesystem.Filesystem/WatchDir HTTP/1.1\r\nHost: h\r\n" +
                             Box::with_token() + "Content-Type: application/connect+json\r\n" +
                             "Content-Length: " + std::to_string(message.size()) + "\r\n\r\n" +
                             message));
    hear(R"({"start":{}})");
  }
  void hear(const std::string& text) {
    while (heard.find(text) == std::string::npos) {
      char piece[1000];
      must(base::wait_readable(socket.get(), base::Deadline::in(std::chrono::seconds(20))));
      const auto got = must(base::read_some(socket.get(), piece));
      REQUIRE(got > 0);
      heard.append(piece, got);
    }
  }

  base::Fd socket;
  std::string heard;
};

TEST_CASE("filesystem: a watch is a stream that begins, tells, and ends with its client") {
  Box box;
  Watching client(box);
  CHECK(box.put("f", "x").status == 200);
  client.hear(R"({"filesystem":{"name":"f","type":"EVENT_TYPE_CREATE"}})");
  client.hear(R"({"filesystem":{"name":"f","type":"EVENT_TYPE_WRITE"}})");
  ::shutdown(client.socket.get(), SHUT_RDWR);
  while (box.served.server().requests_now() > 0) {
  }
}

TEST_CASE("filesystem: a server that ends says so to who watches") {
  Box box;
  Watching client(box);
  box.is_ending = true;
  client.hear(R"("code":"unavailable")");
}

TEST_CASE("filesystem: a watcher keeps what happened until it is asked") {
  Box box;
  const auto created = box.rpc("CreateWatcher", {{"path", box.directory.path()}});
  const json id = {{"watcherId", json::parse(created.body)["watcherId"]}};
  const auto events = [&] { return json::parse(box.rpc("GetWatcherEvents", id).body)["events"]; };
  CHECK(events().empty());
  CHECK(box.put("f", "x").status == 200);
  json first;
  while (first.empty()) first = events();
  CHECK(first[0] == json{{"name", "f"}, {"type", "EVENT_TYPE_CREATE"}});
  CHECK(box.rpc("RemoveWatcher", id).body == "{}");
  CHECK(json::parse(box.rpc("GetWatcherEvents", id).body)["code"] == "not_found");
  CHECK(box.rpc("CreateWatcher", {{"path", box.at("f")}}).status == 400);
}

TEST_CASE("filesystem: a sandbox has no more watchers than are bounded") {
  Box box;
  const json request = {{"path", box.directory.path()}};
  const auto first = json::parse(box.rpc("CreateWatcher", request).body);
  for (std::size_t i = 1; i < Watchers::kMostOfSandbox; ++i) {
    REQUIRE(box.rpc("CreateWatcher", request).status == 200);
  }
  CHECK(json::parse(box.rpc("CreateWatcher", request).body)["code"] == "resource_exhausted");
  CHECK(box.rpc("RemoveWatcher", first).status == 200);
  CHECK(box.rpc("CreateWatcher", request).status == 200);
}

}  // namespace
}  // namespace fcvm::api
