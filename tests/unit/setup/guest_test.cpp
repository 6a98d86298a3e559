// From pieces to a guest that can be found.
#include "core/setup/guest.hpp"

#include <filesystem>

#include <nlohmann/json.hpp>

#include "core/setup/pieces/assemble.hpp"
#include "core/setup/progress.hpp"
#include "core/setup/workshop.hpp"
#include "tests/unit/setup/support.hpp"

namespace fcvm::setup {
namespace {

namespace fs = std::filesystem;

struct Store {
  base::TempDir dir = must(base::TempDir::create());
  Settings settings;
  Plan plan;

  Store() {
    settings.suite = "trixie";
    settings.guests = dir.path();
    plan.architecture = "amd64";
    plan.key = "0123456789abcdef";
  }
  Piece piece(const std::string& name, const std::map<std::string, std::string>& files,
              const std::map<std::string, std::string>& facts = {}) {
    const auto built = dir.path() + "/.tmp-" + name;
    fs::create_directory(built);
    for (const auto& [file, bytes] : files) {
      must(base::write_file_atomic(built + "/" + file, bytes));
    }
    return must(install_piece(dir.path(), built, {.name = name, .key = "k", .facts = facts}));
  }
  Pieces pieces(const std::string& base = "base") {
    return {
        piece("rootfs", {{"base.ext4", base}, {"packages", "podman\t5.4\nlibc6:amd64\t2.41\n"}}),
        piece("kernel", {{"vmlinuz", "z"}, {"vmlinux", "x"}}, {{"version", "6.12"}}),
        piece("initrd", {{"initrd", "i"}}, {{"agent", "abc"}}),
        piece("hello", {{"hello.tar", "h"}})};
  }
  void assemble(const Pieces& pieces) {
    fs::create_directory(dir.path() + "/scratch");
    must(assemble_guest(settings, plan, pieces, dir.path() + "/scratch"));
    fs::remove_all(dir.path() + "/scratch");
  }
};

}  // namespace

TEST_CASE("a piece is found once it is complete, and not when it was cut") {
  Store store;
  CHECK_FALSE(find_piece(store.dir.path(), "kernel", "k"));
  store.piece("kernel", {{"vmlinuz", "bytes"}}, {{"version", "6.1"}});
  const auto found = find_piece(store.dir.path(), "kernel", "k");
  REQUIRE(found);
  CHECK(found->facts.at("version") == "6.1");
  CHECK(found->files.at("vmlinuz").size == 5);
  CHECK_FALSE(find_piece(store.dir.path(), "kernel", "other"));
  fs::resize_file(found->directory / "vmlinuz", 2);
  CHECK_FALSE(find_piece(store.dir.path(), "kernel", "k"));
  must(base::write_file_atomic(found->directory / "piece.json", "{}"));
  CHECK_FALSE(find_piece(store.dir.path(), "kernel", "k"));
}

TEST_CASE("without a guest the error names fcvm setup") {
  const base::TempDir dir = must(base::TempDir::create());
  const auto found = find_guest(dir.path());
  REQUIRE_FALSE(found);
  CHECK(found.error().code() == ENOENT);
  CHECK(found.error().remedy() == "fcvm setup");
}

TEST_CASE("a guest is found with its files and versions") {
  Store store;
  store.assemble(store.pieces());
  const Guest guest = must(find_guest(store.dir.path()));
  CHECK(must(base::read_file(guest.kernel)) == "z");
  CHECK(must(base::read_file(guest.kernel_elf)) == "x");
  CHECK(must(base::read_file(guest.initrd)) == "i");
  CHECK(must(base::read_file(guest.base_image)) == "base");
  CHECK(must(base::read_file(guest.hello_archive)) == "h");
  CHECK(guest.kernel_version == "6.12");
  CHECK(guest.agent_sha256 == "abc");
  CHECK(guest.suite == "trixie");
  CHECK(guest.directory.filename() == guest.key);
  const auto manifest = nlohmann::json::parse(must(base::read_file(guest.manifest)));
  CHECK(manifest.at("packages").at("podman") == "5.4");
  CHECK(manifest.at("packages").at("libc6") == "2.41");
  CHECK(manifest.at("files").at("initrd").at("size") == 1);
  fs::remove(guest.initrd);
  CHECK(find_guest(store.dir.path()).error().remedy() == "fcvm setup");
}

TEST_CASE("other content is another guest, and the old one stays") {
  Store store;
  store.assemble(store.pieces());
  const Guest before = must(find_guest(store.dir.path()));
  store.assemble(store.pieces());
  CHECK(must(find_guest(store.dir.path())).key == before.key);
  store.assemble(store.pieces("younger"));
  const Guest after = must(find_guest(store.dir.path()));
  CHECK(after.key != before.key);
  CHECK(must(base::read_file(after.base_image)) == "younger");
  CHECK(must(base::read_file(before.base_image)) == "base");
  CHECK(must(find_guest(store.dir.path(), before.key)).directory == before.directory);
}

TEST_CASE("a workshop removes what a killed setup left, and nothing else") {
  Store store;
  store.piece("kernel", {{"vmlinuz", "z"}});
  fs::create_directories(store.dir.path() + "/.tmp-rootfs-abc/tree/etc");
  Progress silent(Progress::Style::kSilent);
  auto workshop = must(Workshop::enter(store.dir.path(), silent));
  CHECK(shell("ls -A " + store.dir.path()) == ".lock\nkernel-k\n");
  const auto made = must(workshop.new_directory("x"));
  CHECK(fs::is_empty(made));
}

}  // namespace fcvm::setup
