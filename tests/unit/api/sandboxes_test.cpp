// The parts of sandboxes that need no machine: their files, templates, deadlines, errors of verbs.
#include <sys/stat.h>

#include "core/api/sandboxes/deadlines.hpp"
#include "core/api/sandboxes/fcvm_command.hpp"
#include "core/api/sandboxes/sandbox_file.hpp"
#include "core/api/sandboxes/templates.hpp"
#include "core/base/io/file.hpp"
#include "core/base/io/temp_dir.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/must.hpp"

namespace fcvm::api {
namespace {

TEST_CASE("a sandbox is what its file says") {
  const auto directory = must(base::TempDir::create());
  const SandboxFiles files(directory.path() + "/sandboxes");
  const Sandbox one{.id = "abc",
                    .template_id = "base",
                    .owner = "alice",
                    .metadata = {{"a", "b"}},
                    .environment = {{"X", "\xff"}},
                    .access_token = "secret",
                    .traffic_token = "traffic",
                    .state = SandboxState::kPaused,
                    .snapshot = "012345678901",
                    .cpus = 2,
                    .memory_bytes = 1 << 20,
                    .started_s = 5,
                    .ends_s = 6,
                    .pauses_at_end = true};
  must(files.save(one));
  struct stat found {};
  REQUIRE(::stat((directory.path() + "/sandboxes/abc.json").c_str(), &found) == 0);
  CHECK((found.st_mode & 0777) == 0600);
  const auto all = must(files.all());
  REQUIRE(all.size() == 1);
  CHECK(to_json(all[0]) == to_json(one));
  must(files.remove("abc"));
  CHECK(must(files.all()).empty());
}

TEST_CASE("a file that is damaged, or under another name, is left out") {
  const auto directory = must(base::TempDir::create());
  const SandboxFiles files(directory.path());
  must(base::write_file_atomic(directory.path() + "/bad.json", "{"));
  must(base::write_file_atomic(directory.path() + "/other.json", to_json({.id = "abc"})));
  CHECK(must(files.all()).empty());
  CHECK(sandbox_from_json(R"({"format":99})").error().code() == EPROTO);
  CHECK(sandbox_from_json(to_json({.id = "../x"})).error().code() == EPROTO);
}

TEST_CASE("templates name an image, a command and options") {
  const auto templates = must(Templates::make({{"base", "debian:12"}, {"web", "node:22 npm start"}},
                                              {"web", "other"}, false));
  CHECK(must(templates.find("base")).run_words({"-d"}) ==
        std::vector<std::string>{"run", "-d", "--entrypoint", "sleep", "debian:12", "infinity"});
  CHECK(must(templates.find("web")).run_words({}) ==
        std::vector<std::string>{"--profile", "web", "run", "node:22", "npm", "start"});
  CHECK(templates.find("nothing").error().remedy() == "there are: base, web");
  CHECK(templates.find("alpine").error().code() == ENOENT);
  CHECK(Templates::make({{"a", " "}}, {}, false).error().code() == EINVAL);
  CHECK(Templates::make({{"a", "--privileged"}}, {}, false).error().code() == EINVAL);
}

TEST_CASE("a client names images of registries, and no file of the server's") {
  const auto templates = must(Templates::make({}, {}, true));
  CHECK(must(templates.find("alpine:3")).image == "alpine:3");
  CHECK(must(templates.find("localhost:5000/a/b@sha256:00")).profile.empty());
  for (const char* name : {"", "-v", "/etc/passwd", "./x", "docker-archive:/etc/shadow", "oci:/x",
                           "dir:/x", "containers-storage:x", "a b", "a;b", "a\nb"}) {
    CHECK_FALSE(templates.find(name));
  }
}

TEST_CASE("deadlines come in their order, and once") {
  Deadlines deadlines;
  CHECK_FALSE(deadlines.earliest());
  deadlines.set("a", 30);
  deadlines.set("b", 20);
  deadlines.set("c", 10);
  deadlines.set("c", 40);
  deadlines.remove("nobody");
  CHECK(deadlines.earliest() == 20);
  CHECK(deadlines.take_due(19).empty());
  CHECK(deadlines.take_due(30) == std::vector<std::string>{"b", "a"});
  CHECK(deadlines.take_due(30).empty());
  CHECK(deadlines.earliest() == 40);
  deadlines.remove("c");
  CHECK_FALSE(deadlines.earliest());
}

TEST_CASE("the error of a verb is its own") {
  const auto error = error_in(
      "{\"level\":\"info\",\"message\":\"x\"}\n"
      "{\"level\":\"error\",\"code\":28,\"message\":\"no room\",\"remedy\":\"make some\"}\nend\n");
  CHECK(error.code() == ENOSPC);
  CHECK(error.message() == "no room");
  CHECK(error.remedy() == "make some");
  CHECK(error_in("Killed\n").message() == "Killed");
  CHECK(error_in("").message().empty());
}

TEST_CASE("a program's output and its failure come back") {
  const FcvmCommand echo("/bin/echo");
  CHECK(must(echo.run({"a", "b"}, base::Deadline::in(std::chrono::seconds(30)))) ==
        "--log-format json a b");
  const FcvmCommand fails("/bin/false");
  const auto failed = fails.run({"rm"}, base::Deadline::in(std::chrono::seconds(30)));
  CHECK(failed.error().message() == "fcvm rm: it exited with 1");
}

}  // namespace
}  // namespace fcvm::api
