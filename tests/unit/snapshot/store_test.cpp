#include "core/snapshot/store.hpp"

#include <optional>
#include <sys/wait.h>
#include <unistd.h>

#include "core/vm/model/restore_plan.hpp"
#include "tests/unit/snapshot/support.hpp"

namespace fcvm::snapshot {
namespace {

namespace fs = std::filesystem;

TEST_CASE("a snapshot that was kept is found by its tag, its id, and the beginning of it") {
  Scratch scratch;
  const Snapshot made = scratch.make("warm");
  for (const auto& word : {made.manifest.tag, made.manifest.id, made.manifest.id.substr(0, 5)}) {
    CHECK(must(scratch.store.find(word)).manifest.id == made.manifest.id);
  }
  CHECK(scratch.store.find("cold").error().code() == ENOENT);
  CHECK(scratch.store.find("").error().code() == ENOENT);
  CHECK(must(scratch.store.all()).size() == 1);
}

TEST_CASE("a tag is one snapshot's") {
  Scratch scratch;
  scratch.make("warm");
  CHECK(scratch.store.check_free("warm").error().code() == EEXIST);
  CHECK(scratch.store.check_free("../warm").error().code() == EINVAL);
  Draft draft = must(scratch.store.begin());
  Manifest second = some_manifest(draft.id());
  second.files.clear();
  const auto kept = scratch.store.keep(std::move(draft), second);
  REQUIRE_FALSE(kept.has_value());
  CHECK(kept.error().code() == EEXIST);
  CHECK(must(scratch.store.collect(true)).empty());  // nor is its draft left
}

TEST_CASE("a snapshot may take another's place, which goes though it is used") {
  Scratch scratch;
  const Snapshot before = scratch.make("warm");
  const auto use = must(scratch.store.use(before));
  Draft draft = must(scratch.store.begin());
  Manifest manifest = some_manifest(draft.id());
  manifest.files.clear();
  const Snapshot after = must(scratch.store.keep(std::move(draft), manifest, true)).snapshot;
  CHECK(must(scratch.store.find("warm")).manifest.id == after.manifest.id);
  CHECK(must(scratch.store.all()).size() == 1);
  CHECK_FALSE(fs::exists(before.directory));
}

TEST_CASE("what is being made is nobody's, and goes with its maker") {
  Scratch scratch;
  {
    const Draft draft = must(scratch.store.begin());
    CHECK(must(scratch.store.all()).empty());
    CHECK(must(scratch.store.collect(false)).empty());
    CHECK(fs::exists(draft.directory()));
  }
  CHECK(must(scratch.store.collect(true)).empty());
}

TEST_CASE("what a killed maker has left is collected") {
  Scratch scratch;
  const pid_t child = ::fork();
  if (child == 0) {
    auto draft = scratch.store.begin();
    ::_exit(draft ? 0 : 1);  // as if killed: no destructor runs
  }
  REQUIRE(child > 0);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(status == 0);
  CHECK(must(scratch.store.collect(true)).size() == 1);
  CHECK(must(scratch.store.collect(false)).size() == 1);
  CHECK(must(scratch.store.collect(true)).empty());
}

TEST_CASE("a fork's snapshot is collected once nobody uses it, and no other is") {
  Scratch scratch;
  const Snapshot user = scratch.make("warm");
  Draft draft = must(scratch.store.begin());
  Manifest manifest = some_manifest(draft.id());
  manifest.tag.clear();
  manifest.kind = Manifest::kFork;
  manifest.files.clear();
  std::optional<Kept> fork = must(scratch.store.keep(std::move(draft), manifest));
  CHECK(must(scratch.store.collect(false)).empty());  // its maker is about to make clones of it
  std::optional clone = must(scratch.store.use(fork->snapshot));
  fork.reset();
  CHECK(must(scratch.store.collect(false)).empty());
  CHECK(must(scratch.store.all()).size() == 2);
  // As if the command had been interrupted, and its clones had ended.
  clone.reset();
  CHECK(must(scratch.store.collect(true)) == std::vector<std::string>{manifest.id});
  CHECK(must(scratch.store.collect(false)) == std::vector<std::string>{manifest.id});
  REQUIRE(must(scratch.store.all()).size() == 1);
  CHECK(must(scratch.store.all()).front().manifest.id == user.manifest.id);
}

TEST_CASE("a snapshot that is used is removed only when that is meant") {
  Scratch scratch;
  const Snapshot made = scratch.make("warm");
  const auto use =
      must(base::FileLock::acquire((made.directory / vm::kSnapshotLock).string(),
                                   base::Deadline::never(), base::FileLock::Mode::kShared));
  CHECK(scratch.store.is_used(made));
  CHECK(scratch.store.remove(made, false).error().code() == EBUSY);
  must(scratch.store.remove(made, true));
  CHECK_FALSE(fs::exists(made.directory));
}

TEST_CASE("a file that is missing, cut or altered is found") {
  Scratch scratch;
  const Snapshot made = scratch.make("warm");
  const auto memory = (made.directory / "memory").string();
  must(verify(made));
  must(base::write_file_atomic(memory, "c0ntents"));
  must(check_files(made));
  CHECK(verify(made).error().code() == EBADMSG);
  REQUIRE(::truncate(memory.c_str(), 3) == 0);
  CHECK(check_files(made).error().code() == EBADMSG);
  fs::remove(memory);
  fs::create_symlink("/etc/passwd", memory);
  CHECK(check_files(made).error().code() == EBADMSG);
  fs::remove(memory);
  CHECK(check_files(made).error().code() == EBADMSG);
}

TEST_CASE("a snapshot whose manifest is damaged is no snapshot, and can be removed") {
  Scratch scratch;
  const Snapshot made = scratch.make("warm");
  must(base::write_file_atomic((made.directory / Manifest::kFile).string(), "{}"));
  CHECK(must(scratch.store.all()).empty());
  CHECK(scratch.store.find(made.manifest.id).error().code() == EBADMSG);
  must(scratch.store.remove_damaged(made.manifest.id));
  CHECK_FALSE(fs::exists(made.directory));
  CHECK(scratch.store.remove_damaged("../snapshots").error().code() == ENOENT);
}

}  // namespace
}  // namespace fcvm::snapshot
