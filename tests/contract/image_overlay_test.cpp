// image.overlay: stores are made once, whole or not at all, by a builder of the host's.
#include <future>

#include "tests/contract/fake_skopeo.hpp"

namespace fcvm::tests {
namespace {

/// What lies in a cache besides its index and its stores.
std::vector<std::string> beside_stores(const std::string& cache) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(cache)) {
    const std::string name = entry.path().filename();
    if (!name.starts_with("index.") && !name.ends_with(".ext4")) names.push_back(name);
  }
  return names;
}

struct Scene {
  base::TempDir directory = must(base::TempDir::create());
  std::string cache = directory.path() + "/cache";
  std::string file = directory.path() + "/tiny.tar";
  std::string reference = "docker-archive:" + file;
  TinyImage image = tiny_image("hello\n");
  std::string digest = "sha256:" + sha256(image.archive);
  std::string hex = sha256(image.config);  // its id
  Scene() { make_file(file, image.archive); }
};

TEST_CASE("an image is unpacked by a builder, once, and its store is shared") {
  const Scene scene;
  Images images(scene.cache);
  const auto delivery = must(images.prepare(scene.reference));
  CHECK(delivery.how == FCVM_GUEST_MOUNT_STORE);
  REQUIRE(delivery.disks.size() == 1);
  CHECK(delivery.disks.front().path == scene.cache + "/" + scene.hex + ".ext4");
  CHECK(delivery.disks.front().format == "ext4");
  CHECK(delivery.disks.front().flags == FCVM_DISK_READ_ONLY);
  CHECK(content_of(delivery.disks.front().path) == std::string(8192, 's'));
  CHECK((look_at(delivery.disks.front().path).st_mode & 0777) == 0444);

  const auto& build = images.builder.last;
  REQUIRE(build.disks.size() == 2);
  CHECK(build.disks[0].id == "archive");
  CHECK(build.disks[0].read_only);
  CHECK_FALSE(build.disks[1].read_only);
  CHECK(images.bars.succeeded);

  // The archive has done its work; the configuration is kept, byte for byte.
  CHECK(beside_stores(scene.cache) == std::vector<std::string>{scene.hex + ".json"});
  CHECK(must(images.config(scene.reference, scene.digest)) == scene.image.config);
  CHECK(must(images.resolve(scene.reference)).stored_bytes > 0);

  Images second(scene.cache);
  CHECK(must(second.prepare(scene.reference)).disks.front().path == delivery.disks.front().path);
  CHECK(second.builder.runs == 0);
  CHECK(must(second.collect({scene.digest})).empty());
}

TEST_CASE("an image that nobody uses is collected with all that belongs to it") {
  const Scene scene;
  must(Images(scene.cache).prepare(scene.reference));
  Images images(scene.cache);
  CHECK(must(images.collect({})).empty());
  CHECK(must(images.collect({scene.digest})) == std::vector<std::string>{scene.digest});
  CHECK(beside_stores(scene.cache).empty());
  CHECK_FALSE(std::filesystem::exists(scene.cache + "/" + scene.hex + ".ext4"));
  CHECK(must(images.prepare(scene.reference)).disks.size() == 1);
  CHECK(images.builder.runs == 1);
}

TEST_CASE("a builder that fails leaves no store, and nothing is fetched again") {
  const FakeSkopeo skopeo;
  Images images = skopeo.images();
  images.builder.exit_code = 1;
  images.builder.errors = "Error: the layer is not a tar archive\n";
  const auto failed = images.prepare("alpine");
  REQUIRE_FALSE(failed);
  says(failed.error(), "the layer is not a tar archive");
  says(failed.error(), "--image-mode archive");
  const std::string calls = skopeo.calls();
  images.builder.exit_code = 0;
  for (const std::string said : {"", "bytes 0", "bytes 4097", "bytes 99999999999999", "bytes x"}) {
    images.builder.said = said;
    says(images.prepare("alpine").error(), "how large");
  }
  images.builder.said = "bytes 4096";
  const auto delivery = must(images.prepare("alpine"));
  CHECK(look_at(delivery.disks.front().path).st_size == 4096);
  // Only what the name means was asked of the registry.
  const std::string later = skopeo.calls().substr(calls.size());
  CHECK(later.find("copy") == std::string::npos);
}

TEST_CASE("of two at once one makes the store, and the other waits and says so") {
  const Scene scene;
  Images one(scene.cache);
  Images two(scene.cache);
  std::promise<void> begun;
  one.builder.on_run = [&](const Call& call) {
    begun.set_value();
    return call.sleep(std::chrono::milliseconds(500));
  };
  auto first = std::async(std::launch::async, [&] { return one.prepare(scene.reference); });
  begun.get_future().wait();
  const auto second = must(two.prepare(scene.reference));
  CHECK(must(first.get()).disks.front().path == second.disks.front().path);
  CHECK(two.builder.runs == 0);
  REQUIRE_FALSE(two.bars.names.empty());
  CHECK(two.bars.names.front().find("another fcvm") != std::string::npos);
}

TEST_CASE("a cancel ends the builder, and leaves no litter") {
  const Scene scene;
  Images images(scene.cache);
  std::promise<void> begun;
  images.builder.on_run = [&](const Call& call) {
    begun.set_value();
    return call.sleep(std::chrono::seconds(60));
  };
  auto prepared = std::async(std::launch::async, [&] { return images.prepare(scene.reference); });
  begun.get_future().wait();
  images.cancel();
  CHECK(prepared.get().error().code() == ECANCELED);
  CHECK(beside_stores(scene.cache) ==
        std::vector<std::string>{sha256(scene.image.archive) + ".tar"});
}

TEST_CASE("what killed preparations left is collected, and no image is") {
  const Scene scene;
  must(Images(scene.cache).prepare(scene.reference));
  const std::string archive = sha256("archive");
  const std::string store = sha256("store");
  make_file(scene.cache + "/" + archive + ".tar", "");
  make_file(scene.cache + "/" + archive + ".lock", "");
  make_file(scene.cache + "/" + store + ".ext4", "");
  make_file(scene.cache + "/" + store + ".making", "");
  make_file(scene.cache + "/" + sha256("configuration") + ".json", "");
  CHECK(must(Images(scene.cache).collect({})).empty());
  CHECK(beside_stores(scene.cache) == std::vector<std::string>{scene.hex + ".json"});
  CHECK_FALSE(std::filesystem::exists(scene.cache + "/" + store + ".ext4"));
  CHECK(must(Images(scene.cache).prepare(scene.reference)).disks.size() == 1);
}

TEST_CASE("a name that was given to another image meanwhile stays that one's") {
  const Scene scene;
  const std::string other_file = scene.directory.path() + "/other.tar";
  make_file(other_file, tiny_image("other\n").archive);
  const std::string other = "docker-archive:" + other_file;
  Images names(scene.cache);
  must(names.prepare(scene.reference));
  must(names.name("example.org/tiny:1", ""));
  const std::string digest = must(names.resolve(other)).digest;
  Images slow(scene.cache);
  slow.builder.on_run = [&](const Call&) -> Result<void> {
    return names.name("example.org/tiny:1", scene.digest);
  };
  must(slow.prepare(other, digest));
  CHECK(must(names.resolve("example.org/tiny:1")).digest == scene.digest);
}

TEST_CASE("a store that another guest made is made ready for this one, once, beside the old one") {
  const Scene scene;
  Images before(scene.cache);
  const auto old = must(before.prepare(scene.reference)).disks.front().path;
  const auto old_file = look_at(old).st_ino;
  {
    Images same(scene.cache);
    must(same.prepare(scene.reference));
    CHECK(same.builder.runs == 0);
  }
  Images after(scene.cache);
  after.builder.guest_name = "two";
  CHECK(must(after.prepare(scene.reference)).disks.front().path == old);
  CHECK(after.builder.runs == 1);
  REQUIRE(after.builder.last.disks.size() == 1);
  CHECK(look_at(old).st_ino != old_file);
  must(after.prepare(scene.reference));
  CHECK(after.builder.runs == 1);

  // One that cannot be is used as it is.
  Images failing(scene.cache);
  failing.builder.guest_name = "three";
  failing.builder.exit_code = 1;
  CHECK(must(failing.prepare(scene.reference)).disks.front().path == old);
  must(failing.prepare(scene.reference));
  CHECK(failing.builder.runs == 1);
}

TEST_CASE("an index that cannot be read is not made anew") {
  const Scene scene;
  must(Images(scene.cache).prepare(scene.reference));
  const std::string index = scene.cache + "/index.json";
  const std::string was = content_of(index);
  std::filesystem::resize_file(index, 65 << 20);
  CHECK_FALSE(Images(scene.cache).name("example.org/new:1", scene.digest));
  make_file(index, "nonsense");
  CHECK(Images(scene.cache).name("example.org/new:1", "sha256:" + scene.hex));
  CHECK(content_of(index + ".damaged") == "nonsense");
}

TEST_CASE("what a killed preparation left is removed by the next, and the archive is used") {
  const Scene scene;
  must(base::make_directories(scene.cache + "/work.dead00"));
  make_file(scene.cache + "/work.dead00/store.ext4", "half");
  make_file(scene.cache + "/" + scene.hex + ".making", "");
  make_file(scene.cache + "/" + sha256(scene.image.archive) + ".tar", scene.image.archive);
  Images images(scene.cache);
  must(images.prepare(scene.reference));
  CHECK(beside_stores(scene.cache) == std::vector<std::string>{scene.hex + ".json"});
}

}  // namespace
}  // namespace fcvm::tests
