// image.archive, skopeo and a registry on the loopback, end to end.
#include <arpa/inet.h>
#include <filesystem>
#include <netinet/in.h>
#include <optional>
#include <sys/socket.h>
#include <thread>

#include "tests/contract/image_fixture.hpp"

namespace fcvm::tests {
namespace {

using namespace std::chrono_literals;

/// One of the environment, for as long as this lives.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) {
    const char* before = std::getenv(name);
    if (before != nullptr) before_ = before;
    ::setenv(name, value.c_str(), 1);
  }
  ~Variable() { before_ ? ::setenv(name_, before_->c_str(), 1) : ::unsetenv(name_); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
  std::optional<std::string> before_;
};

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

std::uint16_t free_port() {
  const Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  REQUIRE(::bind(socket.get(), generic, size) == 0);
  REQUIRE(::getsockname(socket.get(), generic, &size) == 0);
  return ntohs(address.sin_port);
}

bool answers(std::uint16_t port) {
  const Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in address = loopback(port);
  return ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

/// Debian's docker-registry, for as long as this lives: over plain HTTP and open to all, or over
/// TLS and for those who know the password.
enum class Door { kOpen, kLocked };

class Registry {
 public:
  static constexpr const char* kLogin = "me:open sesame";

  explicit Registry(Door door = Door::kOpen) : door_(door), port_(free_port()), process_(start()) {
    for (int i = 0; i < 1000 && !answers(port_); ++i) std::this_thread::sleep_for(10ms);
    REQUIRE(answers(port_));
  }
  [[nodiscard]] std::string host() const { return "127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] std::string path(const std::string& name) const {
    return directory_.path() + "/" + name;
  }
  void push(const std::string& content, const std::string& name) const {
    make_file(path("push.tar"), tiny_image(content).archive);
    const auto pushed =
        run({"skopeo", "copy", "-q", "--dest-tls-verify=false", "--dest-creds", kLogin,
             "docker-archive:" + path("push.tar"), "docker://" + host() + name});
    INFO(pushed.output);
    REQUIRE(pushed.code == 0);
  }
  void stop() { must(process_.stop(5s)); }
  [[nodiscard]] Images images() const {
    return Images(path("cache"), {{"insecure-registries", host()}});
  }

 private:
  base::Child start() {
    const std::string tls = door_ == Door::kLocked ? lock() : "";
    make_file(path("config.yml"),
              "version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\n"
              "storage: {filesystem: {rootdirectory: " +
                  path("store") + "}}\nhttp: {addr: " + host() + (tls.empty() ? "}" : tls) + "\n");
    base::SpawnOptions options;
    options.argv = {"docker-registry", "serve", path("config.yml")};
    options.stdout_fd = options.stderr_fd = base::kDevNull;
    return must(base::spawn(options) | context("apt install docker-registry"));
  }

  /// Makes its certificate and its list of users, and returns the end of its configuration.
  [[nodiscard]] std::string lock() const {
    const auto made =
        run({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1", "-addext",
             "subjectAltName=IP:127.0.0.1", "-keyout", path("key.pem"), "-out", path("ca.crt")});
    INFO(made.output);
    REQUIRE(made.code == 0);
    // By bcrypt, the only one that docker-registry knows.
    make_file(path("users"), "me:$2b$05$abcdefghijklmnopqrstuupx2xBUC4954936wVIjyyPHmUBFu0wCW\n");
    return ", tls: {certificate: " + path("ca.crt") + ", key: " + path("key.pem") +
           "}}\nauth: {htpasswd: {realm: test, path: " + path("users") + "}}";
  }

  base::TempDir directory_ = must(base::TempDir::create());
  Door door_;
  std::uint16_t port_;
  base::Child process_;
};

TEST_CASE("an image comes from a registry, once") {
  Registry registry;
  registry.push("one\n", "/team/tiny:1");
  const std::string name = registry.host() + "/team/tiny:1";
  Images images = registry.images();
  const auto identity = must(images.resolve(name));
  CHECK(text_of(identity.name) == name);
  const std::string config = must(images.config(name, identity.digest));
  CHECK(config == tiny_image("one\n").config);
  const auto delivery = must(images.prepare(name, identity.digest));
  CHECK(must(images.config(name, identity.digest)) == config);
  const auto inspected = run({"skopeo", "inspect", "--config", "--raw",
                              "docker-archive:" + delivery.disks.at(0).path + ":" + name});
  INFO(inspected.output);
  CHECK(inspected.output == config);
  // Layers are uncompressed: the guest has only to copy them.
  CHECK(content_of(delivery.disks.at(0).path).find("one\n") != std::string::npos);
  CHECK(litter(registry.path("cache")).empty());
  const auto before = look_at(delivery.disks.at(0).path);
  CHECK(look_at(must(registry.images().prepare(name)).disks.at(0).path).st_ino == before.st_ino);

  SECTION("a tag that moves is another image to --pull always only") {
    registry.push("two\n", "/team/tiny:1");
    CHECK(text_of(must(images.resolve(name)).digest) == text_of(identity.digest));
    images.pull = FCVM_PULL_ALWAYS;
    const auto moved = must(images.resolve(name));
    CHECK(text_of(moved.digest) != text_of(identity.digest));
    const auto fresh = must(images.prepare(name, moved.digest));
    CHECK(content_of(fresh.disks.at(0).path).find("two\n") != std::string::npos);
  }
  SECTION("a pinned digest is what is fetched") {
    registry.push("two\n", "/team/tiny:1");
    const std::string pinned = registry.host() + "/team/tiny@" + identity.digest;
    CHECK(text_of(must(images.resolve(pinned)).digest) == text_of(identity.digest));
    Images elsewhere(registry.path("cache2"), {{"insecure-registries", registry.host()}});
    const auto fetched = must(elsewhere.prepare(pinned));
    CHECK(content_of(fetched.disks.at(0).path).find("one\n") != std::string::npos);
  }
  SECTION("a registry that is away matters to --pull always only") {
    registry.stop();
    CHECK(text_of(must(images.resolve(name)).digest) == text_of(identity.digest));
    images.pull = FCVM_PULL_NEWER;
    CHECK(text_of(must(images.resolve(name)).digest) == text_of(identity.digest));
    images.pull = FCVM_PULL_ALWAYS;
    CHECK(images.resolve(name).error().code() == ENETUNREACH);
  }
}

TEST_CASE("a registry with TLS and a password") {
  const Registry registry(Door::kLocked);
  registry.push("one\n", "/tiny:1");
  const std::string name = registry.host() + "/tiny:1";
  // Where skopeo looks for certificates and credentials, as podman does.
  const std::string home = registry.path("home");
  const std::string trusted = home + "/.config/containers/certs.d/" + registry.host();
  must(base::make_directories(trusted));
  const Variable where("HOME", home);
  const Variable credentials("REGISTRY_AUTH_FILE", home + "/auth.json");
  Images images(registry.path("cache"));

  const auto unknown = images.resolve(name);
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().code() == EPROTO);
  says(unknown.error(), "the registry's certificate is not trusted");
  says(unknown.error(), "/etc/containers/certs.d/" + registry.host() + "/ca.crt");

  std::filesystem::copy_file(registry.path("ca.crt"), trusted + "/ca.crt");
  const auto stranger = images.resolve(name);
  REQUIRE_FALSE(stranger);
  CHECK(stranger.error().code() == EACCES);
  says(stranger.error(), "fcvm login " + registry.host());

  make_file(home + "/auth.json",
            R"({"auths": {")" + registry.host() + R"(": {"auth": "bWU6b3BlbiBzZXNhbWU="}}})");
  const auto fetched = must(images.prepare(name));
  CHECK(content_of(fetched.disks.at(0).path).find("one\n") != std::string::npos);
  CHECK(litter(registry.path("cache")).empty());
}

TEST_CASE("what a registry does not have is said with its name") {
  Registry registry;
  registry.push("one\n", "/tiny:1");
  Images images = registry.images();
  for (const std::string missing : {"/tiny:2", "/none:1"}) {
    const auto identity = images.resolve(registry.host() + missing);
    REQUIRE_FALSE(identity);
    CHECK(identity.error().code() == ENOENT);
    says(identity.error(), registry.host() + missing + ": there is no such image");
  }
  const auto distrusted = Images(registry.path("cache")).resolve(registry.host() + "/tiny:1");
  CHECK(distrusted.error().code() == EPROTO);
  says(distrusted.error(), "insecure-registries = [\"" + registry.host() + "\"]");
}

}  // namespace
}  // namespace fcvm::tests
