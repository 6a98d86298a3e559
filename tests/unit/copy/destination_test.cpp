#include "core/copy/destination.hpp"

#include "tests/unit/copy/tree.hpp"

namespace fcvm::copy {
namespace {

// Where it went: "directory|top", below the tree.
std::string where(const Tree& tree, const std::string& path, SourceKind kind,
                  bool overwrite = false) {
  const auto found = find_destination(tree.path(path), kind, "name", overwrite);
  if (!found) return "error " + std::to_string(found.error().code());
  char target[PATH_MAX];
  const std::string link = "/proc/self/fd/" + std::to_string(found->directory.get());
  const ssize_t size = ::readlink(link.c_str(), target, sizeof target);
  REQUIRE(size > 0);
  const std::string directory(target, static_cast<std::size_t>(size));
  return directory.substr(std::min(tree.path().size() + 1, directory.size())) + "|" + found->top;
}

TEST_CASE("the rules of podman cp") {
  const Tree tree;
  tree.directory("d");
  tree.file("f", "x");
  tree.link("f", "to-file");
  tree.link("d", "to-directory");
  tree.link("nowhere", "dangling");
  using enum SourceKind;
  // What is there.
  CHECK(where(tree, "d", kFile) == "d|name");
  CHECK(where(tree, "d/", kDirectory) == "d|name");
  CHECK(where(tree, "d", kContents) == "d|");
  CHECK(where(tree, "to-directory", kFile) == "d|name");
  CHECK(where(tree, "f", kFile) == "|f");
  CHECK(where(tree, "to-file", kFile) == "|f");
  CHECK(where(tree, "f", kDirectory) == "error " + std::to_string(ENOTDIR));
  CHECK(where(tree, "f", kContents) == "error " + std::to_string(ENOTDIR));
  CHECK(where(tree, "f", kDirectory, true) == "|f");
  CHECK(where(tree, "f/", kFile) == "error " + std::to_string(ENOTDIR));
  // What is not.
  CHECK(where(tree, "d/new", kFile) == "d|new");
  CHECK(where(tree, "d/new/", kFile) == "error " + std::to_string(ENOENT));
  CHECK(where(tree, "d/new", kDirectory) == "d|new");
  CHECK(where(tree, "d/new/", kDirectory) == "d|new");
  CHECK(where(tree, "d/new/.", kContents) == "d|new");
  CHECK(where(tree, "none/new", kFile) == "error " + std::to_string(ENOENT));
}

TEST_CASE("the last part of a path") {
  CHECK(last_part("/a/b") == "b");
  CHECK(last_part("a") == "a");
  CHECK(last_part("a/b///") == "b");
  CHECK(last_part("x/a/.") == "a");
  CHECK(last_part("/").empty());
  CHECK(last_part(".").empty());
  CHECK(last_part("a/..").empty());
}

}  // namespace
}  // namespace fcvm::copy
