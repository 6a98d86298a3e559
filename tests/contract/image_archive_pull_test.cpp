// image.archive with a script in skopeo's place: policies, complaints, and being stopped half-way.
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "core/base/process/process_id.hpp"
#include "tests/contract/fake_skopeo.hpp"

namespace fcvm::tests {
namespace {

using namespace std::chrono_literals;

void gone_soon(pid_t process) {
  const auto alive = [&] {
    const auto id = base::identify(process);
    return id && id->alive();
  };
  for (int i = 0; i < 500 && alive(); ++i) std::this_thread::sleep_for(10ms);
  CHECK_FALSE(alive());
}

TEST_CASE("names are completed as podman completes them") {
  const FakeSkopeo skopeo;
  Images images = skopeo.images();
  const auto name = [&](const std::string& reference) {
    const auto identity = images.resolve(reference);
    return identity ? std::string(text_of(identity->name)) : identity.error().message();
  };
  CHECK(name("alpine") == "docker.io/library/alpine:latest");
  CHECK(name("alpine:3.19") == "docker.io/library/alpine:3.19");
  CHECK(name("team/app") == "docker.io/team/app:latest");
  CHECK(name("docker.io/alpine") == "docker.io/library/alpine:latest");
  CHECK(name("docker://alpine") == "docker.io/library/alpine:latest");
  CHECK(name("quay.io/team/app:1") == "quay.io/team/app:1");
  CHECK(name("localhost:5000/app") == "localhost:5000/app:latest");
  CHECK(name("docker:dind") == "docker.io/library/docker:dind");
  const std::string digest = "sha256:" + sha256(skopeo.manifest);
  CHECK(name("alpine:3@" + digest) == "docker.io/library/alpine@" + digest);
  CHECK(name("containers-storage:localhost/x:1") == "containers-storage:localhost/x:1");
  Images elsewhere = skopeo.images("registry.example.org");
  CHECK(text_of(must(elsewhere.resolve("app")).name) == "registry.example.org/app:latest");
}

TEST_CASE("a pinned digest is compared with what the registry has there") {
  const FakeSkopeo skopeo;
  const auto refused =
      skopeo.images().resolve("example.org/app@sha256:" + std::string(64, 'a')).error();
  CHECK(refused.code() == EBADMSG);
  says(refused, "has another image there");
  CHECK(skopeo.images().resolve("example.org/app@sha256:" + sha256(skopeo.manifest)));
}

TEST_CASE("a directory's image is what its configuration says, whatever its manifest says") {
  const FakeSkopeo skopeo;
  const std::string directory = "dir:" + skopeo.directory.path();
  Images images = skopeo.images();
  const std::string digest(text_of(must(images.resolve(directory)).digest));
  CHECK(digest == "sha256:" + sha256(skopeo.image.config));
  SECTION("it is taken") { CHECK(images.prepare(directory, digest)); }
  SECTION("one that is changed meanwhile is not") {
    skopeo.put("archive", tiny_image("another\n").archive);
    const auto refused = images.prepare(directory, digest).error();
    CHECK(refused.code() == ESTALE);
    says(refused, "changed meanwhile");
    CHECK(litter(skopeo.cache).empty());
  }
}

TEST_CASE("an archive of odd length is padded to whole sectors") {
  const FakeSkopeo skopeo;
  skopeo.put("archive", skopeo.image.archive + std::string(100, '\0'));
  Images images = skopeo.images();
  const auto delivery = must(images.prepare("alpine"));
  CHECK(delivery.disks.at(0).content_bytes == skopeo.image.archive.size() + 100);
  CHECK(look_at(delivery.disks.at(0).path).st_size % 512 == 0);
  CHECK(must(skopeo.images().prepare("alpine")).disks.at(0).content_bytes ==
        delivery.disks.at(0).content_bytes);
}

TEST_CASE("short names are those of registries.conf, where no registry is set") {
  const FakeSkopeo skopeo;
  const std::string file = skopeo.directory.path() + "/registries.conf";
  make_file(file,
            "unqualified-search-registries = [\"registry.example.org\", \"docker.io\"]\n"
            "[aliases]\n\"centos\" = \"quay.io/centos/centos\"\n");
  ::setenv("CONTAINERS_REGISTRIES_CONF", file.c_str(), 1);
  Images images = skopeo.images("");
  const auto name = [&](const std::string& reference) {
    return std::string(text_of(must(images.resolve(reference)).name));
  };
  CHECK(name("centos:9") == "quay.io/centos/centos:9");
  CHECK(name("app") == "registry.example.org/app:latest");
  CHECK(name("docker.io/app") == "docker.io/library/app:latest");
  CHECK(name("docker://app") == "docker.io/library/app:latest");
  make_file(file, "this is no TOML");
  CHECK(name("app") == "docker.io/library/app:latest");
  ::unsetenv("CONTAINERS_REGISTRIES_CONF");
}

TEST_CASE("a short name is asked for at each registry of registries.conf, in their order") {
  const FakeSkopeo skopeo;
  const std::string file = skopeo.directory.path() + "/registries.conf";
  make_file(file,
            "unqualified-search-registries = [\"one.example\", \"two.example\", \"docker.io\"]\n");
  ::setenv("CONTAINERS_REGISTRIES_CONF", file.c_str(), 1);
  skopeo.put("unknown", "one.example two.example");
  Images images = skopeo.images("");
  const auto found = must(images.resolve("app"));
  CHECK(std::string(text_of(found.name)) == "docker.io/library/app:latest");
  CHECK(skopeo.count("docker://one.example/app:latest") == 1);
  must(images.prepare("app", std::string(text_of(found.digest))));
  CHECK(skopeo.count("copy --quiet docker://docker.io/library/app@") == 1);
  // From then on it is known by that name, and nobody is asked.
  const std::string calls = skopeo.calls();
  CHECK(std::string(text_of(must(images.resolve("app")).digest)) == text_of(found.digest));
  CHECK(skopeo.calls() == calls);
  // One that none has: what each said.
  skopeo.put("unknown", "one.example two.example docker.io");
  const auto missing = images.resolve("other").error();
  says(missing, "one.example/other");
  says(missing, "docker.io/library/other");
  ::unsetenv("CONTAINERS_REGISTRIES_CONF");
}

TEST_CASE("probe says which skopeo there is, or how to get one") {
  const FakeSkopeo skopeo;
  const plugin::Entry* entry = described();
  const auto probe = [&](const std::string& program) {
    return must(plugin::probe(*entry, must(plugin::Settings::from_values(entry->descriptor.options,
                                                                         {{"skopeo", program}}))));
  };
  const auto found = probe(skopeo.program);
  CHECK(found.status_name() == "usable");
  CHECK(found.detail == "skopeo 9.8.7");
  const auto missing = probe("no-such-skopeo");
  CHECK(missing.status_name() == "degraded");
  CHECK(missing.reason.find("not installed (no-such-skopeo)") != std::string::npos);
  CHECK(missing.remedy == "apt install skopeo");
}

TEST_CASE("what is not a reference is refused with an example") {
  const FakeSkopeo skopeo;
  Images images = skopeo.images();
  for (const std::string bad : {"", "UPPER", "a b", "app:", "app:-x", "x@sha256:12", "a//b", "-a",
                                "https://example.org/x", "docker-daemon:x", "oci:", "a_-b"}) {
    const auto identity = images.resolve(bad);
    INFO(bad);
    REQUIRE_FALSE(identity);
    CHECK(identity.error().code() == EINVAL);
    CHECK_FALSE(identity.error().remedy().empty());
  }
  says(images.resolve("./tiny.tar").error(), "is a path, not an image reference");
  CHECK(images.prepare("alpine", "sha256:../../etc").error().code() == EINVAL);
  CHECK(skopeo.calls().empty());
}

TEST_CASE("the pull policy decides when the registry is asked") {
  const FakeSkopeo skopeo;
  Images images = skopeo.images();
  images.pull = FCVM_PULL_NEVER;
  says(images.resolve("app").error(), "it is not cached, and the pull policy is \"never\"");
  CHECK(images.prepare("app", "sha256:" + std::string(64, '0')).error().code() == ENOENT);
  CHECK(skopeo.calls().empty());

  images.pull = FCVM_PULL_MISSING;
  const std::string first = must(images.resolve("app")).digest;
  CHECK(first == "sha256:" + sha256(R"({"schemaVersion":2})"));
  must(images.prepare("app", first));
  CHECK(skopeo.count("inspect") == 1);
  skopeo.put("manifest", R"({"schemaVersion":2,"newer":1})");
  CHECK(must(images.resolve("app")).digest == first);
  CHECK(skopeo.count("inspect") == 1);
  CHECK(must(images.config("app", first)) == skopeo.image.config);

  images.pull = FCVM_PULL_NEVER;
  CHECK(must(images.resolve("app")).digest == first);
  must(images.prepare("app", first));

  images.pull = FCVM_PULL_ALWAYS;
  CHECK(must(images.resolve("app")).digest != first);
  images.pull = FCVM_PULL_NEWER;
  CHECK(must(images.resolve("app")).digest != first);
  CHECK(skopeo.count("copy") == 1);

  skopeo.complain("dial tcp: lookup docker.io: no such host");
  CHECK(must(images.resolve("app")).digest == first);
  images.pull = FCVM_PULL_ALWAYS;
  CHECK(images.resolve("app").error().code() == ENETUNREACH);
}

TEST_CASE("of a list of manifests the platform's is fetched, by digest") {
  const FakeSkopeo skopeo;
  const std::string wanted = "sha256:" + std::string(64, 'b');
  const auto row = [](const std::string& digest, const std::string& architecture) {
    return R"({"digest":")" + digest + R"(","platform":{"os":"linux","architecture":")" +
           architecture + "\"}}";
  };
  const std::string other = row("sha256:" + std::string(64, 'a'), "s390x");
  skopeo.put("manifest", "{\"manifests\":[" + other + "," + row(wanted, "amd64") + "]}");
  Images images = skopeo.images();
  CHECK(text_of(must(images.resolve("app")).digest) == wanted);
  must(images.prepare("app", wanted));
  CHECK(skopeo.count("docker://docker.io/library/app@" + wanted) == 1);
  CHECK(skopeo.count("--override-os linux --override-arch amd64") == 2);
  CHECK(skopeo.count(":docker.io/library/app:latest") == 1);

  skopeo.put("manifest", "{\"manifests\":[" + other + "]}");
  says(images.resolve("other").error(), "no image for linux/amd64 (there are: linux/s390x)");
}

TEST_CASE("each complaint gets its code, its last line and a remedy") {
  const FakeSkopeo skopeo;
  Images images = skopeo.images();
  const auto failing = [&](const std::string& words, int code, const std::string& remedy) {
    skopeo.complain("Error parsing image name \\\"docker://docker.io/library/app:latest\\\": " +
                    words);
    const Error error = images.resolve("app").error();
    INFO(error.message());
    CHECK(error.code() == code);
    CHECK(error.message().find("first") == std::string::npos);
    CHECK(error.message().find("parsing image name") == std::string::npos);
    CHECK(error.message().starts_with("image.archive: docker.io/library/app:latest: "));
    says(error, remedy);
  };
  failing("reading manifest latest: manifest unknown", ENOENT, "skopeo list-tags docker://");
  failing("requested access to the resource is denied", EACCES, "fcvm login docker.io");
  failing("unauthorized: authentication required", EACCES, "fcvm login docker.io");
  failing("dial tcp 192.0.2.1:443: connect: connection refused", ENETUNREACH, "--pull never");
  failing("toomanyrequests: You have reached your pull rate limit", EBUSY, "fcvm login");
  failing("write /x/archive.tar: no space left on device", ENOSPC, "free some space");
  failing("http: server gave HTTP response to HTTPS client", EPROTO, "insecure-registries");
  failing("x509: certificate signed by unknown authority", EPROTO, "certs.d/docker.io");
  // Of a number that happens to be in a digest nothing follows.
  failing("Digest did not match, expected sha256:ab404cd, got sha256:f401e", EBADMSG, "try again");
  failing("something else", EIO, "skopeo inspect docker://docker.io/library/app:latest");
  skopeo.put("complaint", "");
  says(images.resolve("app").error(), "skopeo exited with 1");
  says(Images(skopeo.cache, {{"skopeo", "no-such-skopeo"}}).resolve("app").error(),
       "apt install skopeo");
}

TEST_CASE("several at once pull once") {
  const FakeSkopeo skopeo;
  const std::string digest = must(skopeo.images().resolve("app")).digest;
  std::atomic<int> good{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      Images images = skopeo.images();
      if (images.prepare("app", digest)) ++good;
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(good == 4);
  CHECK(skopeo.count("copy") == 1);
  CHECK(litter(skopeo.cache).empty());
}

TEST_CASE("cancel and the deadline stop skopeo and leave nothing") {
  const FakeSkopeo skopeo;
  skopeo.put("stuck", "");
  Images images = skopeo.images();
  const std::string digest = must(images.resolve("app")).digest;
  Result<ImageDelivery> delivery = fail(EAGAIN, "");
  SECTION("cancel") {
    std::thread worker([&] { delivery = images.prepare("app", digest); });
    const auto process = skopeo.stuck();
    const auto began = std::chrono::steady_clock::now();
    images.cancel();
    worker.join();
    CHECK(std::chrono::steady_clock::now() - began < 1s);
    CHECK(delivery.error().code() == ECANCELED);
    gone_soon(process);
    CHECK(images.bars.last == 3000);
    CHECK_FALSE(images.bars.succeeded);
  }
  SECTION("deadline") {
    images.deadline = base::Deadline::in(500ms);
    CHECK(images.prepare("app", digest).error().code() == ETIMEDOUT);
    gone_soon(skopeo.stuck());
  }
  CHECK(litter(skopeo.cache).empty());
  skopeo.remove("stuck");
  images.deadline = base::Deadline::in(30s);
  CHECK(must(images.prepare("app", digest)).disks.at(0).content_bytes ==
        skopeo.image.archive.size());
}

TEST_CASE("a killed fetch leaves only what the next one removes") {
  const FakeSkopeo skopeo;
  skopeo.put("stuck", "");
  const std::string digest = must(skopeo.images().resolve("app")).digest;
  const pid_t victim = ::fork();
  if (victim == 0) {
    [[maybe_unused]] const auto delivery = skopeo.images().prepare("app", digest);
    ::_exit(0);
  }
  const auto process = skopeo.stuck();
  REQUIRE(::kill(victim, SIGKILL) == 0);
  REQUIRE(::waitpid(victim, nullptr, 0) == victim);
  gone_soon(process);
  CHECK_FALSE(litter(skopeo.cache).empty());
  CHECK_FALSE(std::filesystem::exists(skopeo.cache + "/" + digest.substr(7) + ".tar"));
  skopeo.remove("stuck");
  CHECK(must(skopeo.images().prepare("app", digest)).disks.at(0).content_bytes ==
        skopeo.image.archive.size());
  CHECK(litter(skopeo.cache).empty());
}

TEST_CASE("an archive that is not whole is not kept") {
  const FakeSkopeo skopeo;
  skopeo.put("archive", skopeo.image.archive.substr(0, 2500));
  Images images = skopeo.images();
  CHECK(images.prepare("app").error().code() == EBADMSG);
  skopeo.put("archive", skopeo.image.archive);
  CHECK(images.prepare("app"));
  CHECK(litter(skopeo.cache).empty());
}

}  // namespace
}  // namespace fcvm::tests
