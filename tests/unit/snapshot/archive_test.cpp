#include "core/snapshot/archive.hpp"

#include <unistd.h>

#include "tests/unit/snapshot/support.hpp"

namespace fcvm::snapshot {
namespace {

/// Data at both ends, and a hole between.
Snapshot make_sparse(Scratch& scratch, const std::string& tag) {
  Draft draft = must(scratch.store.begin());
  Manifest manifest = some_manifest(draft.id());
  manifest.tag = tag;
  const auto path = (draft.directory() / "memory").string();
  const Fd file = must(base::open_file(path, O_RDWR | O_CREAT, 0600));
  REQUIRE(::ftruncate(file.get(), 8 << 20) == 0);
  REQUIRE(::pwrite(file.get(), "begin", 5, 0) == 5);
  REQUIRE(::pwrite(file.get(), "end", 3, (8 << 20) - 3) == 3);
  manifest.files = {{"memory", 8 << 20, must(content_digest(file.get()))}};
  must(base::write_file_atomic((draft.directory() / "kernel").string(), "linux", 0600));
  manifest.files.push_back({"kernel", 5, ""});
  return must(scratch.store.keep(std::move(draft), manifest)).snapshot;
}

std::string exported(Scratch& scratch, const Snapshot& snapshot) {
  const auto path = scratch.directory.path() + "/archive";
  const Fd to = must(base::open_file(path, O_WRONLY | O_CREAT | O_TRUNC));
  must(write_archive(snapshot, to.get()));
  return must(base::read_file(path));
}

Result<Snapshot> import(Scratch& scratch, const std::string& bytes, const std::string& tag) {
  const auto path = scratch.directory.path() + "/in";
  must(base::write_file_atomic(path, bytes));
  const Fd from = must(base::open_file(path, O_RDONLY));
  return read_archive(scratch.store, from.get(), tag);
}

TEST_CASE("a snapshot comes back from its archive, which has no holes in it") {
  Scratch scratch;
  const Snapshot made = make_sparse(scratch, "warm");
  const auto bytes = exported(scratch, made);
  CHECK(bytes.size() < (1 << 16));
  CHECK(import(scratch, bytes, "").error().code() == EEXIST);
  const Snapshot again = must(import(scratch, bytes, "second"));
  CHECK(again.manifest.id != made.manifest.id);
  CHECK(again.manifest.plan == made.manifest.plan);
  must(verify(again));
  for (const char* name : {"memory", "kernel"}) {
    CHECK(must(base::read_file((again.directory / name).string())) ==
          must(base::read_file((made.directory / name).string())));
  }
}

TEST_CASE("an archive that was cut leaves nothing") {
  Scratch scratch;
  const auto bytes = exported(scratch, make_sparse(scratch, "warm"));
  for (std::size_t size = 0; size < bytes.size(); size += 211) {
    CHECK_FALSE(import(scratch, bytes.substr(0, size), "cut").has_value());
  }
  CHECK(must(scratch.store.all()).size() == 1);
  CHECK(must(scratch.store.collect(true)).empty());
}

TEST_CASE("an archive of which one byte was altered is refused, or means the same") {
  Scratch scratch;
  const Snapshot made = make_sparse(scratch, "warm");
  const auto bytes = exported(scratch, made);
  for (std::size_t at = 0; at < bytes.size(); at += 53) {
    auto altered = bytes;
    altered[at] = static_cast<char>(altered[at] ^ 0x10);
    const auto taken = import(scratch, altered, "altered");
    if (!taken) continue;
    must(verify(*taken));
    CHECK(must(base::read_file((taken->directory / "memory").string())) ==
          must(base::read_file((made.directory / "memory").string())));
    must(scratch.store.remove(*taken, false));
  }
}

}  // namespace
}  // namespace fcvm::snapshot
