// The archives that setup writes, read by the tools that will read them.
#include <nlohmann/json.hpp>

#include "core/digest/sha256.hpp"
#include "core/setup/formats/cpio.hpp"
#include "core/setup/key.hpp"
#include "core/setup/pieces/hello.hpp"
#include "core/setup/pieces/initrd.hpp"
#include "tests/unit/setup/support.hpp"

namespace fcvm::setup {
namespace {

struct Archive {
  base::TempDir dir = must(base::TempDir::create());
  std::string path = dir.path() + "/archive";

  explicit Archive(const std::string& bytes) { must(base::write_file_atomic(path, bytes)); }
};

}  // namespace

TEST_CASE("a cpio archive has the bytes that the kernel expects") {
  CpioArchive cpio;
  cpio.add_file("init", "abcde", 0755);
  const std::string bytes = std::move(cpio).finish();
  CHECK(bytes.substr(0, 110) ==
        "070701000000010000"
        "81ED000000000000000000000001000000000000000500000000000000000000000000"
        "0000000000000500000000");
  CHECK(bytes.substr(110, 5) == std::string("init\0", 5));
  CHECK(bytes.substr(116, 8) == std::string("abcde\0\0\0", 8));
  CHECK(bytes.substr(124, 6) == "070701");
  CHECK(bytes.size() % 512 == 0);
}

TEST_CASE("cpio reads back what was written") {
  CpioArchive cpio;
  cpio.add_directory("d", 0750);
  cpio.add_file("d/file", "content\n", 0600);
  cpio.add_file("d/empty", "");
  cpio.add_character_device("console", 0600, 5, 1);
  const Archive archive(std::move(cpio).finish());
  CHECK(shell("cpio -t --quiet <" + archive.path) == "d\nd/file\nd/empty\nconsole\n");
  CHECK(shell("cpio -i --to-stdout --quiet d/file <" + archive.path) == "content\n");
  const auto listing = shell("cpio -tvn --quiet <" + archive.path);
  CHECK(listing.find("drwxr-x---") != std::string::npos);
  CHECK(listing.find("5,   1") != std::string::npos);
}

TEST_CASE("an initrd has the agent, the modules in order, and a console") {
  const std::vector<Module> modules = {{"b.ko", "B"}, {"a.ko", "A"}};
  const std::string bytes = make_initrd("agent", modules);
  const Archive archive(bytes);
  const auto extract = "cpio -i --to-stdout --quiet ";
  CHECK(shell(extract + ("init <" + archive.path)) == "agent");
  CHECK(shell(extract + ("modules/order <" + archive.path)) == "b.ko\na.ko\n");
  CHECK(shell(extract + ("modules/a.ko <" + archive.path)) == "A");
  CHECK(shell("cpio -t --quiet <" + archive.path).find("dev/console\n") != std::string::npos);
  CHECK(bytes == make_initrd("agent", modules));
  CHECK(bytes != make_initrd("Agent", modules));
}

TEST_CASE("the hello archive is a docker-archive whose digests fit") {
  const std::string bytes = hello_archive("BUSYBOX", {"busybox", "sh", "nc", "cat"}, "amd64");
  CHECK(bytes == hello_archive("BUSYBOX", {"busybox", "sh", "nc", "cat"}, "amd64"));
  const Archive archive(bytes);
  const auto member = [&](const std::string& name) {
    return shell("tar -xOf " + archive.path + " " + name);
  };
  const auto manifest = nlohmann::json::parse(member("manifest.json")).at(0);
  CHECK(manifest.at("RepoTags").at(0) == "localhost/fcvm/hello:latest");
  const std::string config_name = manifest.at("Config");
  const std::string config_text = member(config_name);
  CHECK(config_name == digest::sha256(config_text) + ".json");
  const auto config = nlohmann::json::parse(config_text);
  CHECK(config.at("config").at("Cmd") == nlohmann::json::array({"/bin/hello"}));
  CHECK(config.at("architecture") == "amd64");
  CHECK(config.at("history").size() == config.at("rootfs").at("diff_ids").size());
  CHECK(config.at("history").at(0).at("created_by") == kHelloHistory);
  const std::string layer_name = manifest.at("Layers").at(0);
  const Archive layer(member(layer_name));
  CHECK(layer_name == must(sha256_of_file(layer.path)) + ".tar");
  CHECK(config.at("rootfs").at("diff_ids").at(0) == "sha256:" + must(sha256_of_file(layer.path)));
  const auto listing = shell("tar -tvf " + layer.path);
  CHECK(listing.find("bin/nc -> busybox") != std::string::npos);
  CHECK(listing.find("bin/busybox -> ") == std::string::npos);
  CHECK(shell("tar -xOf " + layer.path + " bin/busybox") == "BUSYBOX");
}

TEST_CASE("the greeting is a script that a shell accepts") {
  const base::TempDir dir = must(base::TempDir::create());
  must(base::write_file_atomic(dir.path() + "/hello", hello_script(), 0755));
  const auto said = shell("FCVM_VMM=qemu FCVM_AGENT=1.2 sh " + dir.path() + "/hello");
  CHECK(said.find("Hello from fcvm") == 0);
  CHECK(said.find("qemu") != std::string::npos);
  CHECK(said.find("1.2") != std::string::npos);
}

}  // namespace fcvm::setup
