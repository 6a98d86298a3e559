#include "core/vm/store/store.hpp"

#include <atomic>
#include <fstream>
#include <set>
#include <sys/wait.h>
#include <thread>

#include "core/vm/model/id.hpp"
#include "tests/unit/vm/support.hpp"

namespace fcvm::vm {
namespace {

TEST_CASE("a created VM has an id, a name and directories of its own, and is found by each") {
  Scratch scratch;
  Store& store = scratch.store;
  CHECK(must(store.all()).empty());
  const auto made = must(store.create(named("")));
  CHECK(is_id(made.id));
  CHECK(check_name(made.name));
  CHECK(made.supervisor.pid == ::getpid());
  CHECK(std::filesystem::is_directory(store.paths().sockets(made.id)));
  CHECK(must(store.find(made.name)).id == made.id);
  CHECK(must(store.find(made.id)).name == made.name);
  CHECK(must(store.find(made.id.substr(0, 3))).name == made.name);
  CHECK(must(store.load(made.id)).image == "fcvm/hello");
}

TEST_CASE("a taken name names who has it; a wrong one what was meant") {
  Scratch scratch;
  auto made = must(scratch.store.create(named("web")));
  const auto taken = scratch.store.create(named("web"));
  REQUIRE_FALSE(taken);
  CHECK(taken.error().code() == EEXIST);
  CHECK(taken.error().message().find(made.id) != std::string::npos);
  CHECK(taken.error().remedy() == "fcvm rm -f web, or take another --name");
  made.phase = Phase::kExited;
  must(scratch.store.save(made));
  CHECK(scratch.store.create(named("web")).error().remedy() ==
        "fcvm rm web, or take another --name");
  const auto missing = scratch.store.find("wbe");
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code() == ENOENT);
  CHECK(missing.error().message().find("`web`") != std::string::npos);
  CHECK_FALSE(scratch.store.find(""));
  CHECK_FALSE(scratch.store.find("../../etc"));
  for (const auto* bad : {"-x", "a b", "a/b", ".", "\n"}) {
    CHECK(scratch.store.create(named(bad)).error().code() == EINVAL);
  }
}

TEST_CASE("an ambiguous beginning of an id is refused, and an id beats a name") {
  std::vector<Record> records(3);
  records[0].id = "aaa000000000";
  records[1].id = "aaa111111111";
  records[2].id = "bbb000000000";
  records[2].name = "aaa000000000";
  CHECK(find_record(records, "aaa").error().code() == EINVAL);
  CHECK((*find_record(records, "aaa1"))->id == "aaa111111111");
  CHECK((*find_record(records, "aaa000000000"))->id == "aaa000000000");
}

TEST_CASE("a removed VM is gone at once, and unreadable records hide no others") {
  Scratch scratch;
  Store& store = scratch.store;
  const auto gone = must(store.create(named("gone")));
  const auto bad = must(store.create(named("bad")));
  must(store.create(named("good")));
  must(store.remove(gone.id));
  std::ofstream(store.paths().record(bad.id)) << "{ torn";
  const auto all = must(store.all());
  REQUIRE(all.size() == 1);
  CHECK(all[0].name == "good");
  CHECK(store.save(gone).error().code() == ENOENT);
  CHECK(store.load(gone.id).error().code() == ENOENT);
  CHECK_FALSE(store.lock(gone.id, base::Deadline::never()));
  CHECK(store.remove(gone.id));
  CHECK_FALSE(store.remove("../data"));
}

TEST_CASE("twenty threads that create, list and remove never see half a VM or share a name") {
  Scratch scratch;
  std::atomic<int> failures = 0;
  std::atomic<int> taken = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 20; ++i) {
    threads.emplace_back([&, i] {
      Store store(scratch.store.paths());
      for (int round = 0; round < 5; ++round) {
        auto made = store.create(named(round == 0 ? "one" : ""));
        if (!made) {
          (made.error().code() == EEXIST && round == 0 ? taken : failures) += 1;
          continue;
        }
        made->phase = Phase::kRunning;
        if (!store.save(*made)) ++failures;
        const auto all = store.all();
        if (!all) ++failures;
        for (const Record& record : *all) {
          if (record.image != "fcvm/hello" || record.name.empty()) ++failures;
        }
        if (round != 0 && i % 2 == 0 && !store.remove(made->id)) ++failures;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(failures == 0);
  CHECK(taken == 19);
  std::set<std::string> names;
  const auto all = must(scratch.store.all());
  for (const Record& record : all) names.insert(record.name);
  CHECK(names.size() == all.size());
  CHECK(all.size() == 1 + 10 * 4);
}

TEST_CASE("twenty processes that want one name: one has it") {
  Scratch scratch;
  std::vector<pid_t> children;
  for (int i = 0; i < 20; ++i) {
    const pid_t child = ::fork();
    if (child == 0) {
      const auto made = Store(scratch.store.paths()).create(named("only"));
      ::_exit(made ? 0 : made.error().code() == EEXIST ? 1 : 2);
    }
    children.push_back(child);
  }
  int counts[3] = {};
  for (const pid_t child : children) {
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status));
    ++counts[WEXITSTATUS(status)];
  }
  CHECK(counts[0] == 1);
  CHECK(counts[1] == 19);
}

TEST_CASE("a record that could not be read again is not written") {
  Scratch scratch;
  Record record = named("large");
  // Control characters grow sixfold in JSON.
  record.command = {std::string(1 << 20, '\x01')};
  const auto refused = scratch.store.create(record);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == E2BIG);
  CHECK(std::filesystem::is_empty(scratch.store.paths().runtime));
  CHECK(must(scratch.store.all()).empty());
  record.command = {std::string(1 << 20, 'a')};
  CHECK(must(scratch.store.load(must(scratch.store.create(record)).id)).command == record.command);
}

}  // namespace
}  // namespace fcvm::vm
