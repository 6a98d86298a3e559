#include "core/setup/pieces/modules.hpp"

#include <algorithm>
#include <filesystem>

#include "core/setup/formats/modinfo.hpp"
#include "tests/unit/setup/support.hpp"

namespace fcvm::setup {
namespace {

struct Tree {
  base::TempDir dir = must(base::TempDir::create());

  void add(const std::string& file, const std::string& bytes) {
    const auto path = std::filesystem::path(dir.path()) / "kernel/drivers" / file;
    std::filesystem::create_directories(path.parent_path());
    must(base::write_file_atomic(path, bytes));
  }
  ModuleChoice choose(const std::vector<WantedModule>& wanted) {
    const auto tree = must(ModuleTree::scan(dir.path()));
    return must(choose_modules(tree, wanted, dir.path()));
  }
};

std::vector<std::string> files_of(const ModuleChoice& choice) {
  std::vector<std::string> files;
  for (const auto& module : choice.modules) files.push_back(module.file);
  return files;
}

using Files = std::vector<std::string>;

}  // namespace

TEST_CASE("a module tells its name and what it depends on") {
  const auto info = must(read_modinfo(make_module("virtio_net", "net-failover,virtio_ring")));
  CHECK(info.name == "virtio_net");
  CHECK(info.depends == Files{"net_failover", "virtio_ring"});
  CHECK(must(read_modinfo(make_module("x", ""))).depends.empty());
}

TEST_CASE("a module that is cut off anywhere does no harm") {
  const std::string module = make_module("a", "b");
  for (std::size_t size = 0; size < module.size(); ++size) {
    static_cast<void>(read_modinfo(std::string_view(module).substr(0, size)));
  }
  CHECK_FALSE(read_modinfo(module.substr(0, module.size() - 1)));
  CHECK_FALSE(read_modinfo("no ELF at all"));
  CHECK_FALSE(read_modinfo(make_elf(".text", "x")));
}

TEST_CASE("each module comes after what it needs, and once") {
  Tree tree;
  tree.add("net/virtio_net.ko", make_module("virtio_net", "net_failover"));
  tree.add("net/net_failover.ko", make_module("net_failover", "failover"));
  tree.add("net/failover.ko", make_module("failover", ""));
  tree.add("char/virtio-rng.ko", make_module("virtio_rng", "failover"));
  const auto choice = tree.choose({{"virtio_net", true}, {"virtio_rng", false}});
  CHECK(files_of(choice) ==
        Files{"failover.ko", "net_failover.ko", "virtio_net.ko", "virtio-rng.ko"});
  CHECK(choice.missing.empty());
}

TEST_CASE("built-in modules are left out, absent ones told if they matter") {
  Tree tree;
  must(base::write_file_atomic(tree.dir.path() + "/modules.builtin",
                               "kernel/fs/ext4/ext4.ko\nkernel/drivers/virtio/virtio-pci.ko\n"));
  const auto choice =
      tree.choose({{"ext4", true}, {"virtio_pci", true}, {"overlay", true}, {"fuse", false}});
  CHECK(choice.modules.empty());
  CHECK(choice.missing == Files{"overlay"});
}

TEST_CASE("a cycle of dependencies ends") {
  Tree tree;
  tree.add("a.ko", make_module("a", "b"));
  tree.add("b.ko", make_module("b", "a"));
  CHECK(files_of(tree.choose({{"a", true}})) == Files{"b.ko", "a.ko"});
}

TEST_CASE("compressed modules are unpacked") {
  Tree tree;
  const std::string module = make_module("a", "");
  tree.add("plain", module);
  const std::string plain = tree.dir.path() + "/kernel/drivers/plain";
  tree.add("a.ko.xz", shell("xz -c --check=crc32 " + plain));
  tree.add("b.ko.zst", shell("zstd -qc " + plain));
  tree.add("c.ko.gz", shell("gzip -c " + plain));
  const auto choice = tree.choose({{"a", true}, {"b", true}, {"c", true}});
  CHECK(files_of(choice) == Files{"a.ko", "b.ko", "c.ko"});
  for (const auto& chosen : choice.modules) CHECK(chosen.bytes == module);
}

TEST_CASE("a tree that is not there, and a module that is none, are errors with the path") {
  CHECK_FALSE(ModuleTree::scan("/nonexistent"));
  Tree tree;
  tree.add("bad.ko", "not ELF");
  const auto scanned = must(ModuleTree::scan(tree.dir.path()));
  const auto chosen = choose_modules(scanned, {{"bad", true}}, tree.dir.path());
  REQUIRE_FALSE(chosen);
  CHECK(chosen.error().message().find("bad.ko") != std::string::npos);
}

}  // namespace fcvm::setup
