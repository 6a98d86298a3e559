// image.archive with images that lie on this host.
#include <algorithm>
#include <cstdlib>
#include <sstream>
#include <thread>

#include "tests/contract/image_fixture.hpp"

namespace fcvm::tests {
namespace {

struct Scene {
  base::TempDir directory = must(base::TempDir::create());
  std::string cache = directory.path() + "/cache";
  std::string file = directory.path() + "/tiny.tar";
  std::string reference = "docker-archive:" + file;
  TinyImage image = tiny_image("hello\n");
  Scene() { make_file(file, image.archive); }
};

/// The members of an archive, in their order.
std::vector<std::string> members_of(const std::string& file) {
  std::vector<std::string> names;
  std::istringstream lines(run({"tar", "-tf", file}).output);
  for (std::string line; std::getline(lines, line);) names.push_back(line);
  return names;
}

TEST_CASE("an archive's content is its digest, and its image alone is delivered") {
  const Scene scene;
  Images images(scene.cache);
  const auto identity = must(images.resolve(scene.reference));
  CHECK(text_of(identity.digest) == "sha256:" + sha256(scene.image.archive));
  CHECK(text_of(identity.name) == scene.reference);
  CHECK(identity.stored_bytes == 0);
  CHECK(must(images.config(scene.reference, identity.digest)) == scene.image.config);

  const auto delivery = must(images.prepare(scene.reference, identity.digest));
  CHECK(delivery.how == FCVM_GUEST_LOAD_ARCHIVE);
  CHECK(delivery.disks.size() == 1);
  CHECK(delivery.disks.at(0).flags == FCVM_DISK_READ_ONLY);
  CHECK(delivery.disks.at(0).format == "docker-archive");
  const std::string delivered = content_of(delivery.disks.at(0).path);
  CHECK(delivery.disks.at(0).content_bytes == delivered.size());
  CHECK(delivered.find("hello\n") != std::string::npos);
  CHECK(delivered.find("example.org/tiny:1") != std::string::npos);
  CHECK(run({"skopeo", "inspect", "docker-archive:" + delivery.disks.at(0).path}).code == 0);
  CHECK(images.bars.succeeded);
  CHECK(litter(scene.cache).empty());

  SECTION("the second time nothing is fetched") {
    const auto before = look_at(delivery.disks.at(0).path);
    const auto again = must(Images(scene.cache).prepare(scene.reference));
    const auto after = look_at(again.disks.at(0).path);
    CHECK(before.st_ino == after.st_ino);
    CHECK(before.st_mtim.tv_nsec == after.st_mtim.tv_nsec);
    CHECK(must(images.resolve(scene.reference)).stored_bytes >= delivered.size());
  }
  SECTION("the user's file may go, or change in place") {
    std::filesystem::resize_file(scene.file, 0);
    std::filesystem::remove(scene.file);
    CHECK(content_of(delivery.disks.at(0).path) == delivered);
    CHECK(must(images.config(scene.reference, identity.digest)) == scene.image.config);
    says(images.resolve(scene.reference).error(), "No such file or directory");
  }
  SECTION("another content is another image") {
    make_file(scene.file, tiny_image("goodbye\n").archive);
    CHECK(text_of(must(images.resolve(scene.reference)).digest) != text_of(identity.digest));
  }
}

TEST_CASE("the content of a file is read once for as long as nobody touches it") {
  const Scene scene;
  const std::string first(text_of(must(Images(scene.cache).resolve(scene.reference)).digest));
  // Whoever answers what the index says has not read the file.
  const std::string other = "sha256:" + std::string(64, 'd');
  std::string index = content_of(scene.cache + "/index.json");
  index.replace(index.find(first), first.size(), other);
  make_file(scene.cache + "/index.json", index);
  CHECK(text_of(must(Images(scene.cache).resolve(scene.reference)).digest) == other);
  // To give it its old time again does not help.
  const auto look = look_at(scene.file);
  {
    const Fd file = must(base::open_file(scene.file, O_WRONLY));
    REQUIRE(::pwrite(file.get(), "X", 1, 700) == 1);
    const timespec times[2] = {look.st_atim, look.st_mtim};
    REQUIRE(::futimens(file.get(), times) == 0);
  }
  const std::string now(text_of(must(Images(scene.cache).resolve(scene.reference)).digest));
  CHECK(now != first);
  CHECK(now != other);
}

TEST_CASE("what an archive holds besides its image is left behind") {
  const Scene scene;
  const std::string more = tar::Archive().add_file("more", "of it").bytes();
  // An archive ends with two blocks of zeros.
  make_file(scene.file, more.substr(0, more.size() - 1024) + scene.image.archive);
  const auto delivery = must(Images(scene.cache).prepare(scene.reference));
  const auto members = members_of(delivery.disks.at(0).path);
  CHECK(members.size() == 3);
  CHECK(std::find(members.begin(), members.end(), "more") == members.end());
}

TEST_CASE("an archive gives no name that stands for one image for ever") {
  const Scene scene;
  const std::string id(64, 'a');
  const std::string pinned = "example.org/app@sha256:" + id;
  const std::string layer = tar::Archive().add_file("hello", "hello\n").bytes();
  make_file(scene.file, tar::Archive()
                            .add_file("manifest.json",
                                      R"([{"Config":"config","Layers":["layer"],"RepoTags":[")" +
                                          pinned + R"(","sha256:)" + id + R"("]}])")
                            .add_file("config", scene.image.config)
                            .add_file("layer", layer)
                            .bytes());
  must(Images(scene.cache).prepare(scene.reference));
  Images images(scene.cache);
  images.pull = FCVM_PULL_NEVER;
  CHECK(images.resolve(pinned).error().code() == ENOENT);
  CHECK(images.resolve("sha256:" + id).error().code() == ENOENT);
}

TEST_CASE("an archive of very many members is refused") {
  const Scene scene;
  tar::Archive many;
  for (int i = 0; i < 5000; ++i) many.add_file(std::to_string(i) + std::string(1000, 'n'), "");
  make_file(scene.file, many.bytes());
  says(Images(scene.cache).prepare(scene.reference).error(), "more members than an image");
}

TEST_CASE("skopeo's layouts become docker archives with the same configuration") {
  const Scene scene;
  for (const std::string kind : {"oci:", "dir:", "oci-archive:"}) {
    const std::string source =
        kind + scene.directory.path() + "/made" + (kind == "dir:" ? "" : ":one");
    const auto made = run({"skopeo", "copy", "-q", scene.reference, source});
    INFO(made.output);
    REQUIRE(made.code == 0);
    Images images(scene.cache);
    const auto identity = must(images.resolve(source));
    const std::string config = must(images.config(source, identity.digest));
    CHECK(config.find("\"/hello\"") != std::string::npos);
    const auto delivery = must(images.prepare(source, identity.digest));
    CHECK(must(images.config(source, identity.digest)) == config);
    CHECK(run({"skopeo", "inspect", "docker-archive:" + delivery.disks.at(0).path}).code == 0);
    CHECK(litter(scene.cache).empty());
    std::filesystem::remove_all(scene.directory.path() + "/made");
  }
}

TEST_CASE("a compressed archive is unpacked, and one image of several taken by name") {
  const Scene scene;
  Images images(scene.cache);
  const auto named = must(images.prepare(scene.reference + ":example.org/tiny:1"));
  CHECK(run({"skopeo", "inspect", "docker-archive:" + named.disks.at(0).path}).code == 0);
  const std::pair<const char*, const char*> packers[] = {
      {"gzip", ".gz"}, {"xz", ".xz"}, {"zstd", ".zst"}, {"bzip2", ".bz2"}};
  for (const auto& [program, suffix] : packers) {
    REQUIRE(run({program, "-q", "-k", scene.file}).code == 0);
    const std::string packed = scene.reference + suffix;
    const auto identity = must(images.resolve(packed));
    CHECK(must(images.config(packed, identity.digest)) == scene.image.config);
    const auto unpacked = must(images.prepare(packed, identity.digest));
    CHECK(content_of(unpacked.disks.at(0).path).find("hello\n") != std::string::npos);
  }
  CHECK(images.resolve(scene.reference + ":example.org/other:2"));
  says(images.prepare(scene.reference + ":example.org/other:2").error(), "example.org/other:2");
}

/// podman's storage, in a directory of its own and without mounts.
struct PodmanStorage {
  explicit PodmanStorage(const std::string& directory) : settings(directory + "/storage.conf") {
    make_file(settings, "[storage]\ndriver = \"vfs\"\nrunroot = \"" + directory +
                            "/run\"\ngraphroot = \"" + directory + "/graph\"\n");
    ::setenv("CONTAINERS_STORAGE_CONF", settings.c_str(), 1);
  }
  PodmanStorage(const PodmanStorage&) = delete;
  PodmanStorage& operator=(const PodmanStorage&) = delete;
  ~PodmanStorage() { ::unsetenv("CONTAINERS_STORAGE_CONF"); }
  std::string settings;
};

TEST_CASE("an image that podman has is found as podman finds it, and asks no registry") {
  const Scene scene;
  const PodmanStorage storage(scene.directory.path());
  const auto build = [&](const std::string& name) {
    const auto made = run({"skopeo", "copy", "-q", scene.reference, "containers-storage:" + name});
    INFO(made.output);
    REQUIRE(made.code == 0);
  };
  build("localhost/bb:1");
  build("docker.io/library/app:2");
  Images images(scene.cache, {{"registry", "docker.io"}});
  for (const std::string name : {"bb:1", "localhost/bb:1", "containers-storage:bb:1",
                                 "containers-storage:localhost/bb:1", "app:2"}) {
    INFO(name);
    const auto delivery = must(images.prepare(name));
    const std::string digest(text_of(must(images.resolve(name)).digest));
    CHECK(must(images.config(name, digest)) == scene.image.config);
    CHECK(content_of(delivery.disks.at(0).path).find("hello\n") != std::string::npos);
  }
  // Whatever the policy: there is nothing to pull.
  images.pull = FCVM_PULL_NEVER;
  CHECK(images.resolve("bb:1"));
  images.pull = FCVM_PULL_ALWAYS;
  CHECK(images.resolve("localhost/bb:1"));
  images.pull = FCVM_PULL_MISSING;

  // Built anew, it is another image at once.
  const auto before = std::string(text_of(must(images.resolve("bb:1")).digest));
  make_file(scene.file, tiny_image("built anew\n").archive);
  build("localhost/bb:1");
  CHECK(text_of(must(images.resolve("bb:1")).digest) != before);
  CHECK(content_of(must(images.prepare("bb:1")).disks.at(0).path).find("built anew") !=
        std::string::npos);

  says(images.resolve("localhost/nosuch:1").error(), "neither fcvm nor podman has such an image");
}

TEST_CASE("a few bytes of gzip do not fill the disk") {
  const Scene scene;
  const std::string bomb = scene.directory.path() + "/bomb.tar";
  make_file(bomb, tar::Archive().add_file("zeros", std::string(8 << 20, '\0')).bytes());
  REQUIRE(run({"gzip", bomb}).code == 0);
  Images images(scene.cache, {{"largest-archive", "4"}});
  const auto refused = images.prepare("docker-archive:" + bomb + ".gz");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == EFBIG);
  says(refused.error(), "unpacks to more than 4 MiB");
  CHECK(litter(scene.cache).empty());
}

TEST_CASE("an archive that is a FIFO is refused at once") {
  const Scene scene;
  const std::string fifo = scene.directory.path() + "/fifo";
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  says(Images(scene.cache).resolve("docker-archive:" + fifo).error(), "is not a regular file");
}

TEST_CASE("a document that is made to cost memory is refused") {
  const Scene scene;
  const auto refusal_of = [&](const std::string& manifest) {
    make_file(scene.file, tar::Archive().add_file("manifest.json", manifest).bytes());
    const auto refused = Images(scene.cache).prepare(scene.reference);
    return refused ? Error(0, "taken") : refused.error();
  };
  says(refusal_of(std::string(1000, '[')), "nested too deeply");
  says(refusal_of(std::string(2 << 20, '[')), "too large");
  // Brackets in a string are text.
  const Error text = refusal_of("[\"\\\"" + std::string(1000, '[') + "\"]");
  CHECK(text.message().find("nested") == std::string::npos);
}

TEST_CASE("several at once fetch once") {
  const Scene scene;
  Images one(scene.cache);
  Images two(scene.cache);
  const std::string digest = must(one.resolve(scene.reference)).digest;
  Result<ImageDelivery> first = fail(EAGAIN, "");
  std::thread other([&] { first = one.prepare(scene.reference, digest); });
  const auto second = two.prepare(scene.reference, digest);
  other.join();
  REQUIRE(first);
  REQUIRE(second);
  CHECK(one.bars.names.size() + two.bars.names.size() == 1);
  CHECK(litter(scene.cache).empty());
}

TEST_CASE("collect removes what it is told to and nobody holds") {
  const Scene scene;
  const std::string other_file = scene.directory.path() + "/other.tar";
  make_file(other_file, tiny_image("other\n").archive);
  auto user = std::make_unique<Images>(scene.cache);
  const std::string used = must(user->resolve(scene.reference)).digest;
  const auto delivery = must(user->prepare(scene.reference, used));
  const std::string kept = must(Images(scene.cache).resolve("docker-archive:" + other_file)).digest;
  must(Images(scene.cache).prepare("docker-archive:" + other_file, kept));

  Images collector(scene.cache);
  CHECK(must(collector.collect({used})).empty());
  user.reset();
  CHECK(must(collector.collect({})).empty());
  CHECK(must(collector.collect({used})) == std::vector<std::string>{used});
  CHECK(must(collector.collect({used})).empty());
  CHECK(must(Images(scene.cache).resolve("docker-archive:" + other_file)).digest == kept);
  CHECK_FALSE(std::filesystem::exists(delivery.disks.at(0).path));
  CHECK(content_of(scene.cache + "/index.json").find(scene.reference + " ") == std::string::npos);
  CHECK(litter(scene.cache).empty());
  CHECK(must(collector.prepare(scene.reference)).disks.at(0).content_bytes > 0);
}

TEST_CASE("a damaged archive is told apart from a missing one") {
  const Scene scene;
  Images images(scene.cache);
  const auto failing = [&](const std::string& bytes) {
    make_file(scene.file, bytes);
    const auto delivery = images.prepare(scene.reference);
    REQUIRE_FALSE(delivery);
    CHECK(delivery.error().code() == EBADMSG);
    CHECK_FALSE(delivery.error().remedy().empty());
    CHECK(litter(scene.cache).empty());
    return delivery.error();
  };
  says(failing(scene.image.archive.substr(0, 2000)), "is cut short");
  std::string scratched = scene.image.archive;
  scratched[512 + 2048 + 5] = 'X';
  says(failing(scratched), "a header is damaged");
  says(failing(tar::Archive().add_file("readme", "nothing").bytes()), "has no manifest.json");
  says(failing("\x1f\x8b no gzip at all"), "damaged");
  says(failing(tar::Archive().add_file("manifest.json", "[{]").bytes()),
       "manifest.json is damaged");
  says(images.resolve("oci:/no/such/place").error(), "there is no directory /no/such/place");
}

TEST_CASE("a cached archive that was cut short is fetched anew") {
  const Scene scene;
  const auto delivery = must(Images(scene.cache).prepare(scene.reference));
  std::filesystem::permissions(delivery.disks.at(0).path, std::filesystem::perms::owner_all);
  std::filesystem::resize_file(delivery.disks.at(0).path, 1024);
  Images images(scene.cache);
  const auto again = must(images.prepare(scene.reference));
  CHECK(content_of(again.disks.at(0).path).find("hello\n") != std::string::npos);
  CHECK(litter(scene.cache).empty());
}

TEST_CASE("a broken index is made anew") {
  const Scene scene;
  must(Images(scene.cache).prepare(scene.reference));
  make_file(scene.cache + "/index.json", "{\"version\":1,");
  CHECK(must(Images(scene.cache).prepare(scene.reference)).disks.at(0).content_bytes > 0);
}

}  // namespace
}  // namespace fcvm::tests
